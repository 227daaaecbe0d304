#ifndef LIB_BASE_ASSERT_H
#define LIB_BASE_ASSERT_H

/*
 * Assertions on what our own code guarantees; on in every build. Never on anything that a guest,
 * host, peer or file can influence.
 *
 * panic() is provided by whoever links the library: the enclave aborts, a hosted tool prints and
 * calls abort(). It never returns.
 */
_Noreturn void panic(const char *file, int line, const char *what);

#define assert(expr) ((expr) ? (void)0 : panic(__FILE__, __LINE__, #expr))
#define BUG()        panic(__FILE__, __LINE__, "BUG")
#ifndef static_assert
#define static_assert _Static_assert
#endif

#endif
