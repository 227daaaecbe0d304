"""What an ordinary script does: files, directories, compression, JSON, time, randomness, a sub-interpreter's worth of imports."""
import collections, datetime, decimal, gzip, hashlib, io, json, os, pathlib, random, re, shutil, struct, sys, tempfile, zipfile, zlib

with tempfile.TemporaryDirectory(dir=sys.argv[1]) as top:
    top = pathlib.Path(top)
    for i in range(20):
        (top / f'd{i % 3}').mkdir(exist_ok=True)
        (top / f'd{i % 3}' / f'f{i}.txt').write_text('line\n' * i)
    print(sorted(str(p.relative_to(top)) for p in top.rglob('*.txt')))
    with zipfile.ZipFile(top / 'z.zip', 'w', zipfile.ZIP_DEFLATED) as z:
        for p in sorted(top.rglob('*.txt')):
            z.write(p, p.relative_to(top))
    with zipfile.ZipFile(top / 'z.zip') as z:
        print(z.testzip(), len(z.namelist()))
    with gzip.open(top / 'g.gz', 'wb') as f:
        f.write(b'compressed ' * 1000)
    print(hashlib.sha256(gzip.open(top / 'g.gz').read()).hexdigest())
    shutil.copytree(top / 'd0', top / 'copy')
    shutil.move(top / 'copy', top / 'moved')
    print(sorted(os.listdir(top / 'moved')))
    os.symlink('d0', top / 'link')
    print(os.path.realpath(top / 'link') == os.path.realpath(top / 'd0'))
print(top.exists(), json.dumps({'a': [1, 2.5, None]}), zlib.crc32(b'abc'))
print(datetime.datetime.fromtimestamp(0, datetime.timezone.utc).isoformat(), decimal.Decimal(1) / 7)
print(len(os.urandom(16)), random.Random(1).random(), struct.pack('>I', 7), re.sub('b+', 'x', 'abbbc'))
print(os.getuid() == os.geteuid(), sys.version_info[:2], os.cpu_count() > 0)
