/* See plan.h. */
#define _GNU_SOURCE
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KIND, PATH, HEADERS, STEPS, MESSAGE, ACK, FLAGS, FIELDS };

static int digit_of(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \r \n \t \\ and \x1e, in place. */
static Text unescape(char *text) {
  char *out = text;
  for (char *at = text; *at; at++) {
    if (*at != '\\' || !at[1]) {
      *out++ = *at;
      continue;
    }
    at++;
    if (*at == 'r') *out++ = '\r';
    else if (*at == 'n') *out++ = '\n';
    else if (*at == 't') *out++ = '\t';
    else if (*at == 'x' && digit_of(at[1]) >= 0 && digit_of(at[2]) >= 0) {
      *out++ = (char)(digit_of(at[1]) * 16 + digit_of(at[2]));
      at += 2;
    } else *out++ = *at;
  }
  *out = 0;
  return (Text){text, (int)(out - text)};
}

/* Steps are separated by byte 0x1d; in each, byte 0x1f stands between the frame and what is expected after it. */
static void read_steps(Connection *c, char *field) {
  if (!*field) return;
  for (char *step; (step = strsep(&field, "\x1d"));) {
    char *frame = strsep(&step, "\x1f");
    c->steps = realloc(c->steps, (size_t)(c->step_count + 1) * sizeof *c->steps);
    c->steps[c->step_count++] = (Step){unescape(frame), step ? unescape(step) : (Text){"", 0}};
  }
}

static void read_line(Connection *c, char *line) {
  char *fields[FIELDS];
  for (int i = 0; i < FIELDS; i++) {
    fields[i] = line ? strsep(&line, "\t") : NULL;
    if (!fields[i]) fail("a plan line has too few fields", fields[0] ? fields[0] : "");
  }
  c->is_http = strcmp(fields[KIND], "http") == 0;
  c->path = fields[PATH];
  c->headers = unescape(fields[HEADERS]);
  read_steps(c, fields[STEPS]);
  c->message = unescape(fields[MESSAGE]);
  c->ack = unescape(fields[ACK]);
  c->is_sender = c->message.length > 0;
  c->hears = !c->is_sender || strstr(fields[FLAGS], "hears");
  c->is_echoed = strstr(fields[FLAGS], "echoed") != NULL;
  if (!c->is_sender) return;
  char *place = memmem(c->message.bytes, (size_t)c->message.length, "@@@@@@@@@@@@@@@@@", MARKER_LENGTH);
  if (!place) fail("a message has no place for the marker", c->path);
  c->marker_at = (int)(place - c->message.bytes);
  if (c->ack.length < 1 || c->ack.length > LONGEST_ACK) fail("a sender needs the text of an acknowledgement", c->path);
}

Connection *read_plan(const char *file, int *count) {
  FILE *stream = fopen(file, "r");
  if (!stream) fail(file, strerror(errno));
  Connection *all = NULL;
  int capacity = 0;
  char *line = NULL;
  size_t size = 0;
  *count = 0;
  while (getline(&line, &size, stream) > 0) {
    line[strcspn(line, "\n")] = 0;
    if (!*line) continue;
    if (*count == capacity) {
      capacity = capacity ? capacity * 2 : 256;
      all = realloc(all, (size_t)capacity * sizeof *all);
    }
    Connection *c = &all[(*count)++];
    memset(c, 0, sizeof *c);
    read_line(c, strdup(line));
  }
  free(line);
  fclose(stream);
  return all;
}
