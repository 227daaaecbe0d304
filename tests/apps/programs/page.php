<?php $t = 0; for ($i = 0; $i < 1000; $i++) $t += $i * $i; echo $t, " ", strlen(serialize(range(1, 100))), "\n"; file_put_contents("/tmp/cloister-php.txt", "x"); unlink("/tmp/cloister-php.txt");
