module cloister.test/guest

go 1.19
