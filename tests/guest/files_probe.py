"""File calls, one line each: run natively and in each mode on the same kind of directory, then compare."""
# usage: files_probe.py DIRECTORY host|enc
import os, sys, errno, stat, fcntl, mmap, ctypes, threading, tempfile
d = sys.argv[1]
os.chdir(d)
kind = sys.argv[2]
n = 0
def t(name, f):
    try:
        r = f()
    except OSError as e:
        r = errno.errorcode.get(e.errno, e.errno)
    except Exception as e:
        r = repr(e)
    print(f'{name}: {r}')
def rd(p):
    with open(p,'rb') as f: return f.read()
def wr(p, b, mode='wb'):
    with open(p, mode) as f: f.write(b)
def op(p, fl, mode=0o644):
    fd = os.open(p, fl, mode); os.close(fd); return 'ok'
t('getcwd', lambda: os.getcwd() == os.path.realpath(d))
t('write', lambda: wr('a', b'hello'))
t('read', lambda: rd('a'))
t('append', lambda: wr('a', b' world', 'ab'))
t('read2', lambda: rd('a'))
t('size', lambda: os.stat('a').st_size)
t('mode', lambda: oct(os.stat('a').st_mode))
t('excl', lambda: op('a', os.O_CREAT|os.O_EXCL|os.O_WRONLY))
t('noent', lambda: op('nope', os.O_RDONLY))
t('noent/dir', lambda: op('nope/x', os.O_CREAT|os.O_WRONLY))
t('notdir', lambda: op('a/x', os.O_RDONLY))
t('notdir2', lambda: op('a/', os.O_RDONLY))
t('a/.', lambda: op('a/.', os.O_RDONLY))
t('creat slash', lambda: op('newf/', os.O_CREAT|os.O_WRONLY))
t('odir', lambda: op('a', os.O_RDONLY|os.O_DIRECTORY))
t('isdir', lambda: op('.', os.O_WRONLY))
t('empty', lambda: op('', os.O_RDONLY))
t('long', lambda: op('x'*256, os.O_RDONLY))
t('longpath', lambda: op('x/'*2100, os.O_RDONLY))
t('mkdir', lambda: os.mkdir('sub'))
t('mkdir2', lambda: os.mkdir('sub'))
t('mkdir3', lambda: os.mkdir('sub/'))
t('mkdir4', lambda: os.mkdir('sub/s2/'))
t('mkdir5', lambda: os.mkdir('no/s2'))
t('mkdir.', lambda: os.mkdir('.'))
t('mkdir/', lambda: os.mkdir('/'))
t('dotdot', lambda: rd('sub/../a'))
t('dotdot2', lambda: rd('sub/s2/../../a'))
t('dotdot noent', lambda: rd('zzz/../a'))
t('dotdot file', lambda: rd('a/../a'))
t('rmdir nonempty', lambda: os.rmdir('sub'))
t('rmdir file', lambda: os.rmdir('a'))
t('unlink dir', lambda: os.unlink('sub'))
t('unlink slash', lambda: os.unlink('a/'))
t('rmdir.', lambda: os.rmdir('sub/.'))
t('rmdir..', lambda: os.rmdir('sub/..'))
t('unlink noent', lambda: os.unlink('nope'))
if kind != 'enc':
    t('symlink', lambda: os.symlink('a', 'ln'))
    t('symlink2', lambda: os.symlink('a', 'ln'))
    t('readlink', lambda: os.readlink('ln'))
    t('readlink file', lambda: os.readlink('a'))
    t('readlink noent', lambda: os.readlink('nope'))
    t('thru link', lambda: rd('ln'))
    t('lstat', lambda: oct(os.lstat('ln').st_mode))
    t('stat link', lambda: oct(os.stat('ln').st_mode))
    t('nofollow', lambda: op('ln', os.O_RDONLY|os.O_NOFOLLOW))
    t('dangling', lambda: os.symlink('target', 'dang'))
    t('dangling open', lambda: op('dang', os.O_RDONLY))
    t('dangling stat', lambda: os.stat('dang'))
    t('dangling creat', lambda: op('dang', os.O_CREAT|os.O_WRONLY))
    t('dangling made', lambda: os.path.exists('target'))
    t('dangling excl', lambda: op('dang', os.O_CREAT|os.O_WRONLY|os.O_EXCL))
    t('loop', lambda: (os.symlink('l1','l2'), os.symlink('l2','l1')))
    t('loop open', lambda: op('l1', os.O_RDONLY))
    t('dirlink', lambda: os.symlink('sub', 'dl'))
    t('dirlink list', lambda: os.listdir('dl'))
    t('dirlink slash lstat', lambda: oct(os.lstat('dl/').st_mode))
    t('link', lambda: os.link('a', 'hard'))
    t('nlink', lambda: os.stat('a').st_nlink)
    t('link exists', lambda: os.link('a', 'hard'))
    t('link dir', lambda: os.link('sub', 'hd'))
    t('same ino', lambda: os.stat('a').st_ino == os.stat('hard').st_ino)
    t('unlink hard', lambda: os.unlink('hard'))
    t('nlink', lambda: os.stat('a').st_nlink)
t('rename', lambda: os.rename('a', 'b'))
t('rename noent', lambda: os.rename('a', 'c'))
t('rename read', lambda: rd('b'))
t('rename same', lambda: os.rename('b', 'b'))
t('rename over dir', lambda: os.rename('b', 'sub'))
t('rename into', lambda: os.rename('b', 'sub/b'))
t('rename back', lambda: os.rename('sub/b', 'b'))
if kind != 'enc':
    t('rename dir over file', lambda: os.rename('sub', 'b'))
    t('rename dir into itself', lambda: os.rename('sub', 'sub/s2/x'))
    t('rename dir', lambda: os.rename('sub', 'sub3'))
    t('rename dir back', lambda: os.rename('sub3', 'sub'))
t('listdir', lambda: sorted(os.listdir('.')))
t('scandir', lambda: sorted((e.name, e.is_dir(follow_symlinks=False), e.is_symlink()) for e in os.scandir('.')))
def many():
    for i in range(3000): wr('sub/f%d'%i, b'x')
    l = os.listdir('sub'); s = len(l), len(set(l))
    for i in range(3000): os.unlink('sub/f%d'%i)
    return s
if kind != 'enc': t('many', many)
t('truncate', lambda: os.truncate('b', 3))
t('read trunc', lambda: rd('b'))
t('truncate up', lambda: os.truncate('b', 10))
t('read trunc', lambda: rd('b'))
t('trunc neg', lambda: os.truncate('b', -1))
t('trunc dir', lambda: os.truncate('sub', 1))
def pos():
    fd = os.open('b', os.O_RDWR)
    r = [os.write(fd, b'0123456789'), os.lseek(fd, 2, 0), os.read(fd, 3), os.lseek(fd, 0, 1), os.lseek(fd, -1, 2), os.read(fd, 5), os.read(fd, 5), os.pread(fd, 4, 1), os.pwrite(fd, b'AB', 0), os.lseek(fd, 0, 1)]
    fd2 = os.dup(fd); os.lseek(fd2, 1, 0); r.append(os.lseek(fd, 0, 1)); os.close(fd2)
    os.ftruncate(fd, 5); r.append(os.fstat(fd).st_size); r.append(os.pread(fd, 100, 0))
    os.close(fd); return r
t('pos', pos)
def seekerr():
    fd = os.open('b', os.O_RDWR)
    try: os.lseek(fd, -1, 0)
    finally: os.close(fd)
t('seek neg', seekerr)
def rofd():
    fd = os.open('b', os.O_RDONLY)
    try: os.write(fd, b'x')
    finally: os.close(fd)
t('ro write', rofd)
def wofd():
    fd = os.open('b', os.O_WRONLY)
    try: os.read(fd, 1)
    finally: os.close(fd)
t('wo read', wofd)
t('read dir', lambda: os.read(os.open('.', os.O_RDONLY), 10))
def unl():
    fd = os.open('u', os.O_RDWR|os.O_CREAT, 0o600); os.write(fd, b'data'); os.unlink('u')
    r = os.pread(fd, 10, 0), os.fstat(fd).st_nlink, os.path.exists('u'), os.readlink('/proc/self/fd/%d'%fd).split('/')[-1]
    os.close(fd); return r
t('unlinked', unl)
def app():
    fd = os.open('ap', os.O_WRONLY|os.O_CREAT|os.O_APPEND, 0o600); os.write(fd, b'abc'); r=[os.lseek(fd,0,1)]; os.lseek(fd,0,0); os.write(fd,b'de'); r.append(os.lseek(fd,0,1)); os.close(fd)
    r.append(rd('ap')); return r
t('append fd', app)
t('chmod', lambda: (os.chmod('b', 0o640), oct(os.stat('b').st_mode)))
t('utime', lambda: (os.utime('b', (1000, 2000)), os.stat('b').st_atime, os.stat('b').st_mtime))
t('utime ns', lambda: (os.utime('b', ns=(1, 1500000001)), os.stat('b').st_atime_ns, os.stat('b').st_mtime_ns))
t('access', lambda: (os.access('b', os.R_OK), os.access('b', os.X_OK), os.access('nope', os.F_OK), os.access('sub', os.X_OK)))
def mm():
    fd = os.open('m', os.O_RDWR|os.O_CREAT, 0o600); os.write(fd, b'A'*10000)
    m = mmap.mmap(fd, 10000); m[0:5] = b'hello'; m[9999:10000]=b'Z'; m.flush()
    r = [os.pread(fd, 6, 0), os.pread(fd, 2, 9998)]
    os.pwrite(fd, b'XY', 5000)
    if kind == 'enc': pass
    else: r.append(m[5000:5002])
    m.close()
    p = mmap.mmap(fd, 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ|mmap.PROT_WRITE); p[0:2] = b'QQ'; r += [p[0:6], os.pread(fd, 6, 0)]
    p.close(); os.close(fd); return r
t('mmap', mm)
t('umask', lambda: (os.umask(0o077), wr('um', b''), oct(os.stat('um').st_mode), os.umask(0o022)))
def locks():
    fd = os.open('b', os.O_RDWR); fcntl.lockf(fd, fcntl.LOCK_EX); fcntl.lockf(fd, fcntl.LOCK_UN)
    f2 = os.open('b', os.O_RDWR); fcntl.flock(fd, fcntl.LOCK_EX)
    try: fcntl.flock(f2, fcntl.LOCK_EX|fcntl.LOCK_NB); r='no'
    except OSError as e: r = errno.errorcode[e.errno]
    os.close(fd); fcntl.flock(f2, fcntl.LOCK_EX|fcntl.LOCK_NB); os.close(f2); return r
t('locks', locks)
t('getfl', lambda: oct(fcntl.fcntl(os.open('b', os.O_RDWR|os.O_APPEND), fcntl.F_GETFL)))
t('dupfd', lambda: fcntl.fcntl(0, fcntl.F_DUPFD, 100))
t('cloexec', lambda: (os.get_inheritable(100), fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 101), os.get_inheritable(101)))
t('dup2', lambda: (os.dup2(0, 150), os.close(150)))
t('closed', lambda: os.close(150))
t('bad fd', lambda: os.read(999, 1))
t('falloc', lambda: (os.posix_fallocate(os.open('fa', os.O_RDWR|os.O_CREAT), 0, 5000), os.stat('fa').st_size))
def vec():
    fd = os.open('v', os.O_RDWR|os.O_CREAT, 0o600)
    r=[os.writev(fd, [b'abc', b'', b'defg']+[b'x']*20), os.lseek(fd,0,0)]
    bs=[bytearray(2) for _ in range(20)]; r += [os.readv(fd, bs), bytes(bs[0]+bs[1]+bs[2]), os.preadv(fd, [bytearray(3)], 1), os.pwritev(fd, [b'ZZ'], 0), os.pread(fd, 4, 0)]
    os.close(fd); return r
t('vec', vec)
t('sendfile', lambda: (os.sendfile(os.open('sf', os.O_RDWR|os.O_CREAT), os.open('v', os.O_RDONLY), 0, 100), rd('sf')))
t('copy_file_range', lambda: (os.copy_file_range(os.open('v', os.O_RDONLY), os.open('cf', os.O_RDWR|os.O_CREAT), 5), rd('cf')))
t('fifo', lambda: os.mkfifo('ff'))
t('fifo mode', lambda: oct(os.stat('ff').st_mode))
t('fifo again', lambda: os.mkfifo('ff'))
def fifo():
    out=[]
    th = threading.Thread(target=lambda: out.append(rd('ff'))); th.start(); wr('ff', b'through'); th.join(); return out
t('fifo io', fifo)
t('fifo nonblock', lambda: op('ff', os.O_WRONLY|os.O_NONBLOCK))
t('fifo listed', lambda: 'ff' in os.listdir('.'))
t('fifo abs', lambda: oct(os.stat(os.getcwd()+'/ff').st_mode))
t('fifo rm', lambda: os.unlink('ff'))
t('fifo gone', lambda: os.stat('ff'))
t('dirfd', lambda: (lambda fd: (os.stat('b', dir_fd=fd).st_size, os.mkdir('viafd', dir_fd=fd), os.rmdir('viafd', dir_fd=fd), os.close(fd)))(os.open('.', os.O_RDONLY)))
t('fchdir', lambda: (lambda fd: (os.chdir('sub'), os.fchdir(fd), os.getcwd()==os.path.realpath(d)))(os.open('.', os.O_RDONLY)))
t('chdir file', lambda: os.chdir('b'))
t('chdir noent', lambda: os.chdir('nope'))
t('opath', lambda: (lambda fd: (os.fstat(fd).st_size, os.read(fd, 1)))(os.open('b', os.O_PATH)))
t('memfd', lambda: (lambda fd: (os.write(fd, b'mem'), os.pread(fd, 3, 0), os.fstat(fd).st_nlink, os.readlink('/proc/self/fd/%d'%fd)))(os.memfd_create('x')))
t('tmpfile', lambda: (lambda fd: (os.write(fd, b'tmp'), os.pread(fd, 3, 0), os.fstat(fd).st_nlink))(os.open('.', os.O_TMPFILE|os.O_RDWR)) if kind!='enc' else 0)
t('tempfile', lambda: tempfile.NamedTemporaryFile(dir='.').write(b'x'))
t('nonreg', lambda: os.open('/dev/null', os.O_RDONLY|os.O_DIRECTORY))
t('null', lambda: (wr('/dev/null', b'x'), rd('/dev/null')))
t('zero', lambda: os.read(os.open('/dev/zero', 0), 4))
t('urandom', lambda: len(os.read(os.open('/dev/urandom', 0), 100)))
t('full', lambda: wr('/dev/full', b'x'))
t('exe', lambda: os.readlink('/proc/self/exe'))
t('cwd', lambda: os.readlink('/proc/self/cwd') == os.getcwd())
t('maps', lambda: 'libc' in rd('/proc/self/maps').decode())
t('cmdline', lambda: rd('/proc/self/cmdline')[:20])
t('self', lambda: os.readlink('/proc/self') == str(os.getpid()))
t('fds', lambda: sorted(map(int, os.listdir('/proc/self/fd')))[:3])
t('status', lambda: b'VmRSS' in rd('/proc/self/status'))
t('stat', lambda: len(rd('/proc/self/stat').split(b')')[-1].split()))
t('statfs', lambda: os.statvfs('.').f_namemax)
t('exdev', lambda: os.rename('b', '/dev/shm/b'))
t('proc write', lambda: op('/proc/self/stat', os.O_WRONLY))
t('proc creat', lambda: op('/proc/zzz', os.O_WRONLY|os.O_CREAT))
t('closed dir', lambda: (os.mkdir('gone'), os.chdir('gone'), os.rmdir('../gone'), os.getcwd()))
os.chdir(d)
t('rmtree', lambda: __import__('shutil').rmtree('sub'))
for p in os.listdir('.'):
    try: os.unlink(p)
    except OSError: pass
t('left', lambda: os.listdir('.'))
