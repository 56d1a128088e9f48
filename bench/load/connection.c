/* See connection.h. */
#define _GNU_SOURCE
#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int epoll_of_all;

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

void fail(const char *what, const char *detail) {
  fprintf(stderr, "load: %s: %s\n", what, detail);
  exit(1);
}

/* ---- writing ---- */

static void await_writable(Connection *c, bool wanted) {
  if (c->is_writable_awaited == wanted) return;
  c->is_writable_awaited = wanted;
  struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = c};
  epoll_ctl(epoll_of_all, EPOLL_CTL_MOD, c->fd, &event);
}

void flush_connection(Connection *c) {
  int done = 0;
  while (done < c->unsent.length) {
    ssize_t written = write(c->fd, c->unsent.bytes + done, (size_t)(c->unsent.length - done));
    if (written < 0) {
      if (errno == EAGAIN || errno == ENOTCONN) break;
      fail("a connection broke while writing", strerror(errno));
    }
    done += (int)written;
  }
  c->unsent.length -= done;
  memmove(c->unsent.bytes, c->unsent.bytes + done, (size_t)c->unsent.length);
  await_writable(c, c->unsent.length > 0);
}

static char *reserve(Connection *c, int length) {
  if (c->unsent.length + length > c->unsent_capacity) {
    c->unsent_capacity = (c->unsent.length + length) * 2;
    c->unsent.bytes = realloc(c->unsent.bytes, (size_t)c->unsent_capacity);
  }
  char *place = c->unsent.bytes + c->unsent.length;
  c->unsent.length += length;
  return place;
}

/* A text frame as a client writes it: final, masked. Over plain HTTP a frame is a whole request, written as it is. */
static void put_frame(Connection *c, const char *payload, int length) {
  if (c->is_http) {
    memcpy(reserve(c, length), payload, (size_t)length);
    return;
  }
  static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};
  unsigned char head[14];
  int at = 0;
  head[at++] = 0x81;
  if (length < 126) {
    head[at++] = (unsigned char)(0x80 | length);
  } else if (length < 65536) {
    head[at++] = 0x80 | 126;
    head[at++] = (unsigned char)(length >> 8);
    head[at++] = (unsigned char)length;
  } else {
    head[at++] = 0x80 | 127;
    for (int byte = 7; byte >= 0; byte--) head[at++] = byte > 3 ? 0 : (unsigned char)(length >> (8 * byte));
  }
  memcpy(head + at, mask, 4);
  at += 4;
  char *place = reserve(c, at + length);
  memcpy(place, head, (size_t)at);
  for (int i = 0; i < length; i++) place[at + i] = (char)(payload[i] ^ (char)mask[i & 3]);
}

void send_message(Connection *c, uint64_t marker) {
  if (c->sent - c->acked >= MOST_UNACKED) fail("the server stands still", "too many unacknowledged sends");
  char digits[MARKER_LENGTH + 1];
  snprintf(digits, sizeof digits, "~%016llx", (unsigned long long)marker);
  memcpy(c->message.bytes + c->marker_at, digits, MARKER_LENGTH);
  put_frame(c, c->message.bytes, c->message.length);
  c->sent_at[c->sent % MOST_UNACKED] = marker;
  c->sent++;
  flush_connection(c);
}

/* ---- opening ---- */

void open_connection(Connection *c, int epoll, int port) {
  epoll_of_all = epoll;
  int on = 1;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c->fd < 0) fail("no socket", strerror(errno));
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
    fail("the server cannot be reached", strerror(errno));
  if (c->is_sender) c->sent_at = calloc(MOST_UNACKED, sizeof *c->sent_at);
  const char *upgrade = c->is_http ? ""
                                   : "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                     "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n";
  char request[8192];
  int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s%.*s\r\n", c->path, port,
                        upgrade, c->headers.length, c->headers.bytes);
  if (length >= (int)sizeof request) fail("a plan line has too many headers", c->path);
  memcpy(reserve(c, length), request, (size_t)length);
  c->state = UPGRADING;
  /* Written when the socket says that it is connected. */
  c->is_writable_awaited = true;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
  epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
}

static void see(Connection *c, const char *bytes, int length) {
  c->seen.bytes = realloc(c->seen.bytes, (size_t)(c->seen.length + length + 1));
  memcpy(c->seen.bytes + c->seen.length, bytes, (size_t)length);
  c->seen.length += length;
  c->seen.bytes[c->seen.length] = 0;
}

/* Whether `text` has been seen; everything up to its end is forgotten then. */
static bool take(Connection *c, Text text) {
  char *found = memmem(c->seen.bytes, (size_t)c->seen.length, text.bytes, (size_t)text.length);
  if (!found) return false;
  int end = (int)(found - c->seen.bytes) + text.length;
  c->seen.length -= end;
  memmove(c->seen.bytes, c->seen.bytes + end, (size_t)c->seen.length);
  return true;
}

static void check_status(Connection *c) {
  const char *good = c->is_http ? "HTTP/1.1 200" : "HTTP/1.1 101";
  if (strncmp(c->seen.bytes, good, strlen(good)) != 0) fail("a connection was refused", c->seen.bytes);
}

static void advance(Connection *c, const Listener *listener) {
  if (c->state == UPGRADING) {
    if (!memmem(c->seen.bytes, (size_t)c->seen.length, "\r\n\r\n", 4)) return;
    check_status(c);
    take(c, (Text){"\r\n\r\n", 4});
    c->state = GREETING;
    if (c->step_count > 0 && c->steps[0].frame.length > 0) put_frame(c, c->steps[0].frame.bytes, c->steps[0].frame.length);
  }
  while (c->step < c->step_count) {
    Text expected = c->steps[c->step].expected;
    if (expected.length > 0 && !take(c, expected)) break;
    c->step++;
    if (c->step == c->step_count) break;
    Text frame = c->steps[c->step].frame;
    if (frame.length > 0) put_frame(c, frame.bytes, frame.length);
  }
  flush_connection(c);
  if (c->step < c->step_count) return;
  free(c->seen.bytes);
  c->seen = (Text){NULL, 0};
  c->state = READY;
  listener->on_ready(c);
}

/* ---- reading ---- */

static int digit_of(unsigned char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void find_markers(Connection *c, const char *bytes, int length, const Listener *listener, uint64_t now) {
  for (int at = 0; at < length; at++) {
    if (c->digits_left == 0) {
      const char *tilde = memchr(bytes + at, '~', (size_t)(length - at));
      if (!tilde) return;
      at = (int)(tilde - bytes);
      c->digits_left = MARKER_LENGTH - 1;
      c->value = 0;
      continue;
    }
    int digit = digit_of((unsigned char)bytes[at]);
    if (digit < 0) {
      c->digits_left = 0;
      continue;
    }
    c->value = c->value * 16 + (uint64_t)digit;
    if (--c->digits_left == 0) listener->on_marker(c, c->value, now);
  }
}

/* `bytes` has room for the tail of the last read before it. */
static void find_acks(Connection *c, char *bytes, int length, const Listener *listener, uint64_t now) {
  char *from = bytes - c->tail_length;
  char *end = bytes + length;
  memcpy(from, c->tail, (size_t)c->tail_length);
  for (char *found; (found = memmem(from, (size_t)(end - from), c->ack.bytes, (size_t)c->ack.length));) {
    from = found + c->ack.length;
    if (c->acked >= c->sent) fail("an acknowledgement nobody asked for", c->path);
    uint64_t sent_at = c->sent_at[c->acked % MOST_UNACKED];
    c->acked++;
    listener->on_ack(c, sent_at, now);
  }
  c->tail_length = end - from < c->ack.length ? (int)(end - from) : c->ack.length - 1;
  memcpy(c->tail, end - c->tail_length, (size_t)c->tail_length);
}

void read_connection(Connection *c, const Listener *listener) {
  static char buffer[LONGEST_ACK + (1 << 18)];
  char *bytes = buffer + LONGEST_ACK;
  ssize_t length = read(c->fd, bytes, sizeof buffer - LONGEST_ACK);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (length <= 0) {
    if (c->seen.length > 0) fprintf(stderr, "load: it said: %s\n", c->seen.bytes);
    fail("the server closed a connection", c->path);
  }
  if (c->state != READY) {
    see(c, bytes, (int)length);
    advance(c, listener);
    return;
  }
  uint64_t now = now_ns();
  if (c->is_sender) find_acks(c, bytes, (int)length, listener, now);
  if (c->hears || c->is_echoed) find_markers(c, bytes, (int)length, listener, now);
}
