#ifndef TEXT_NEAREST_H
#define TEXT_NEAREST_H

/*
 * "Did you mean": the name of a NULL-terminated list with the least edit distance to what was
 * typed, or NULL when none is near enough (a third of its length, at most 3 edits).
 */
const char *nearest_name(const char *typed, const char *const *names);

#endif
