#ifndef ENCLAVE_HEAP_H
#define ENCLAVE_HEAP_H

/* Memory for the trusted side's own objects. 16-byte aligned. NULL when there is none left. */
#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_realloc(void *p, size_t size); /* content kept up to the smaller size */
void mem_free(void *p);                  /* NULL is fine */
/* Whole pages, zeroed, page-aligned: for file content and big tables. */
void *mem_pages(size_t size);
void mem_pages_free(void *p, size_t size);
char *mem_strdup(const char *s);
uint64_t mem_used(void); /* bytes not freed, of blocks and of pages; with the few that each thread keeps for its next */

#endif
