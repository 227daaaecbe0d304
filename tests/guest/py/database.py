"""sqlite3 in the directory argv[1]: transactions, an index, a roll-back, VACUUM, and the file read again."""
import os, sqlite3, sys

path = os.path.join(sys.argv[1], 'test.db')
for old in (path, path + '-journal', path + '-wal', path + '-shm'):
    if os.path.exists(old): os.unlink(old)
db = sqlite3.connect(path)
db.execute('create table t (id integer primary key, name text, value real)')
with db:
    db.executemany('insert into t (name, value) values (?, ?)', ((f'name {i}', i / 7) for i in range(3000)))
db.execute('create index names on t (name)')
try:
    with db:
        db.execute('delete from t')
        raise RuntimeError('rolled back')
except RuntimeError:
    pass
with db:
    db.execute('update t set value = value * 2 where id % 3 = 0')
    db.execute('delete from t where id > 2500')
db.execute('vacuum')
db.close()
db = sqlite3.connect(path)
print(db.execute('select count(*), round(sum(value), 6), min(name), max(name) from t').fetchone())
print(db.execute('pragma integrity_check').fetchone(), db.execute("select id from t where name = 'name 1234'").fetchone())
db.close()
print('size', os.path.getsize(path))
