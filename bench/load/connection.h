/*
 * One connection of the load client: what its plan line says, how it is opened, and what is read from and written to it. Counts markers
 * and acknowledgements in raw bytes; knows neither WebSocket frames of the server nor JSON.
 */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In a message's text: a tilde and the sending time in nanoseconds, 16 hexadecimal digits. Nothing else may hold a tilde. */
#define MARKER_LENGTH 17
#define LONGEST_ACK 128

typedef struct {
  char *bytes;
  int length;
} Text;

/* Before a connection is ready: send `frame` (may be empty), then wait until `expected` (may be empty) has been read. */
typedef struct {
  Text frame;
  Text expected;
} Step;

typedef enum { WAITING, UPGRADING, GREETING, READY } State;

typedef struct {
  /* From the plan. */
  bool is_http;
  char *path;
  Text headers;
  Step *steps;
  int step_count;
  /* Senders alone: the message with its marker at `marker_at`, and the text that tells an acknowledgement. */
  Text message;
  int marker_at;
  Text ack;
  /* A reader always hears. A sender may hear the others, and its acknowledgements may carry the marker back. */
  bool is_sender, hears, is_echoed;

  int fd;
  State state;
  int step;
  bool is_writable_awaited;
  /* What has been read and not been matched while opening; freed when ready. */
  Text seen;
  Text unsent;
  int unsent_capacity;
  /* Half a marker at the end of what was read last. */
  int digits_left;
  uint64_t value;
  /* The end of what was read last, where half an acknowledgement may stand. */
  char tail[LONGEST_ACK];
  int tail_length;
  /* When the unacknowledged sends were made, a ring. */
  uint64_t *sent_at;
  uint64_t sent, acked;
} Connection;

typedef struct {
  void (*on_marker)(Connection *connection, uint64_t sent_at, uint64_t now);
  void (*on_ack)(Connection *connection, uint64_t sent_at, uint64_t now);
  void (*on_ready)(Connection *connection);
} Listener;

/* Sends of one connection that may be unacknowledged. */
#define MOST_UNACKED 4096

uint64_t now_ns(void);
void fail(const char *what, const char *detail);

/* Starts opening; `on_ready` tells when the last step is done. */
void open_connection(Connection *connection, int epoll, int port);
/* Reads what is there, once. Ends the process when the server has closed. */
void read_connection(Connection *connection, const Listener *listener);
/* Sends the message with this marker. */
void send_message(Connection *connection, uint64_t marker);
/* Writes what a full socket has not taken. */
void flush_connection(Connection *connection);

#endif
