#ifndef TESTS_UNIT_LIBOS_FAKE_MACHINE_H
#define TESTS_UNIT_LIBOS_FAKE_MACHINE_H

/*
 * The machine that libos stands on, over libc: pages by mmap, the heap by malloc, locks that spin.
 * `g_fake_enclave` chooses which kind of machine the code under test believes in.
 */
#include <stdbool.h>
#include <stdint.h>

#define FAKE_LOW  UINT64_C(0x300000000000)
#define FAKE_SIZE (UINT64_C(256) << 12)

void fake_machine_init(bool is_enclave);
/* Is the page committed, by the machine's own account (not libos's)? */
bool fake_page_committed(uint64_t address);
unsigned fake_page_prot(uint64_t address);
uint64_t fake_pages_committed(void);
/* Pages of the range that ranges.h says are taken. */
uint64_t fake_pages_taken(void);

#endif
