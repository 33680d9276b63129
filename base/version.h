/* version.h - the release this tree makes. */
#ifndef HALLMARK_BASE_VERSION_H
#define HALLMARK_BASE_VERSION_H

#define HALLMARK_VERSION "0.1.0"

#endif
