local f = assert(io.open("l.txt", "w")); for i = 1, 1000 do f:write(i, "\n") end; f:close()
local sum = 0; for line in io.lines("l.txt") do sum = sum + tonumber(line) end
print(sum, os.rename("l.txt", "l2.txt"), os.remove("l2.txt"), os.remove("l2.txt"))
local t = {}; for i = 1, 200000 do t[i] = (i * 7919) % 100003 end; table.sort(t); print(t[1], t[#t], #t, os.time() > 1e9, os.clock() >= 0)
