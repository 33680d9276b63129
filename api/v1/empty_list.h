/* empty_list.h - a list without rows: of something that is there, or of nothing?
 *
 * Lists with filters are one statement over the rows alone. When none came, a second
 * one asks for what the path names: an empty page when it is there, 404 when it is not.
 */
#ifndef HALLMARK_API_V1_EMPTY_LIST_H
#define HALLMARK_API_V1_EMPTY_LIST_H

struct request;

/* Replies in the end, as every submitting function does. */
void empty_list_of_project(struct request *rq);

#endif
