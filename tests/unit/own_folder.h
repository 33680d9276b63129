/* own_folder.h - a folder of a test's own, and bytes to put into it. */
#ifndef HALLMARK_TESTS_OWN_FOLDER_H
#define HALLMARK_TESTS_OWN_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

enum { OWN_FOLDER = 64 };

bool own_folder_make(char path[OWN_FOLDER], const char *test); /* /tmp/TEST.XXXXXX */
int own_folder_files(const char *path);                        /* files and links, however deep */
int own_folder_remove(const char *path); /* with all in it; how many files there were */

/* Bytes that differ from one place to the next; free() them. */
unsigned char *sample_bytes(size_t len);

#endif
