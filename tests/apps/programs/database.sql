pragma journal_mode=wal; pragma mmap_size=67108864;
create table t(a integer primary key, b text);
with recursive c(x) as (select 1 union all select x+1 from c where x<20000) insert into t select x, printf('%08x', (x*2654435761) % 4294967296) from c;
create index i on t(b);
select count(*), sum(a), max(b) from t where b like '1%';
delete from t where a % 3 = 0; pragma wal_checkpoint(full); vacuum; pragma integrity_check; select count(*), max(b) from t;
pragma journal_mode=delete; update t set b = b || 'x' where a < 100; select sum(length(b)) from t;
