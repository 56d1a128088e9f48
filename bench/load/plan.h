/* The plan file: who connects, how, and what is sent. One line per connection; see README.md for the fields. */
#ifndef PLAN_H
#define PLAN_H

#include "connection.h"

/* Answers an array of `*count` connections; ends the process when the file cannot be read or a line is wrong. */
Connection *read_plan(const char *file, int *count);

#endif
