/*
 * A load client for chat servers (Linux, epoll, one thread): opens the connections of a plan, sends messages that carry their sending time,
 * and counts them in the raw bytes of everybody who hears them. Knows no wire; the plan does. See README.md.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "connection.h"
#include "plan.h"

/* Latencies are counted in slots of 10 µs up to 10 s. */
#define SLOT_NS 10000
#define SLOTS 1000000
#define OPENED_AT_ONCE 64

typedef struct {
  uint32_t *slots;
  uint64_t count;
} Histogram;

typedef struct {
  uint64_t sent, acked, heard, heard_by_readers;
  uint64_t at;
  double cpu_seconds;
} Counters;

static struct {
  int port, window;
  /* `drain`: how long what was sent may take to arrive after the last send. */
  double rate, warm_up, seconds, drain;
  /* Connections only: the first so many, then the others, each at a word from the parent. -1: no idling. */
  int idle;
} options = {.port = 8080, .window = 1, .warm_up = 1, .seconds = 5, .drain = 10, .idle = -1};

static Connection *connections;
static int connection_count, ready_count, epoll_fd, timer_fd;
static Connection **senders;
static int sender_count, hearing_senders, reader_count;
static Counters total;
static Histogram deliveries, acks;
static bool is_measuring;

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void say(const char *word) {
  printf("%s\n", word);
  fflush(stdout);
}

static void await_word(void) {
  char line[64];
  if (!fgets(line, sizeof line, stdin)) exit(0);
}

/* ---- counting ---- */

static void record(Histogram *histogram, uint64_t from, uint64_t to) {
  uint64_t slot = to > from ? (to - from) / SLOT_NS : 0;
  histogram->slots[slot < SLOTS ? slot : SLOTS - 1]++;
  histogram->count++;
}

static double percentile(const Histogram *histogram, double share) {
  uint64_t rest = (uint64_t)((double)histogram->count * share);
  for (int slot = 0; slot < SLOTS; slot++) {
    if (rest < histogram->slots[slot]) return (slot + 0.5) * SLOT_NS / 1e6;
    rest -= histogram->slots[slot];
  }
  return 0;
}

/* An echo is heard too; `heard_now` takes the acknowledgements out again. */
static void on_marker(Connection *connection, uint64_t sent_at, uint64_t now) {
  total.heard++;
  if (connection->is_sender) return;
  total.heard_by_readers++;
  if (is_measuring && (total.heard & 7) == 0) record(&deliveries, sent_at, now);
}

static uint64_t echoes;

static void on_ack(Connection *connection, uint64_t sent_at, uint64_t now) {
  total.acked++;
  if (connection->is_echoed) echoes++;
  if (is_measuring) record(&acks, sent_at, now);
}

static void on_ready(Connection *connection) {
  (void)connection;
  ready_count++;
}

static const Listener listener = {on_marker, on_ack, on_ready};

static Counters snapshot(void) {
  Counters counters = total;
  counters.heard -= echoes;
  counters.at = now_ns();
  counters.cpu_seconds = cpu_seconds();
  return counters;
}

/* Everybody who hears hears every message but its own. */
static uint64_t expected(void) {
  uint64_t count = total.sent * (uint64_t)(reader_count + hearing_senders);
  for (int i = 0; i < sender_count; i++) {
    if (senders[i]->hears) count -= senders[i]->sent;
  }
  return count;
}

static bool has_all_arrived(void) {
  return total.acked == total.sent && total.heard - echoes >= expected();
}

/* ---- turning ---- */

static void turn(int timeout_ms) {
  struct epoll_event events[512];
  int count = epoll_wait(epoll_fd, events, 512, timeout_ms);
  for (int i = 0; i < count; i++) {
    Connection *connection = events[i].data.ptr;
    if (!connection) {
      uint64_t expirations;
      if (read(timer_fd, &expirations, sizeof expirations) < 0 && errno != EAGAIN) fail("timer", strerror(errno));
      continue;
    }
    if (events[i].events & EPOLLOUT) flush_connection(connection);
    if (events[i].events & ~(uint32_t)EPOLLOUT) read_connection(connection, &listener);
  }
}

static void wake_at(uint64_t at) {
  struct itimerspec when = {
      .it_value = {.tv_sec = (time_t)(at / 1000000000ull), .tv_nsec = (long)(at % 1000000000ull)}};
  timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void open_all(int from, int to) {
  for (int opened = from; ready_count < to;) {
    while (opened < to && opened - ready_count < OPENED_AT_ONCE) open_connection(&connections[opened++], epoll_fd, options.port);
    turn(1000);
  }
}

/* ---- sending ---- */

/* Closed loop: whoever has room in its window sends. */
static void send_into_windows(void) {
  for (int i = 0; i < sender_count; i++) {
    while (senders[i]->sent - senders[i]->acked < (uint64_t)options.window) {
      send_message(senders[i], now_ns());
      total.sent++;
    }
  }
}

/* Open loop: every send has its time, in turn over the senders, whatever became of the ones before; the marker is when it was due. */
static uint64_t send_due(uint64_t start) {
  for (;;) {
    uint64_t due = start + (uint64_t)((double)total.sent * 1e9 / options.rate);
    if (due > now_ns()) return due;
    send_message(senders[total.sent % (uint64_t)sender_count], due);
    total.sent++;
  }
}

static void measure(Counters *before, Counters *after) {
  uint64_t start = now_ns();
  uint64_t measure_from = start + (uint64_t)(options.warm_up * 1e9);
  uint64_t end = measure_from + (uint64_t)(options.seconds * 1e9);
  uint64_t now;
  while ((now = now_ns()) < end) {
    if (!is_measuring && now >= measure_from) {
      is_measuring = true;
      *before = snapshot();
      say("measuring");
    }
    uint64_t next = is_measuring ? end : measure_from;
    if (options.rate > 0) {
      uint64_t due = send_due(start);
      if (due < next) next = due;
    } else {
      send_into_windows();
    }
    wake_at(next);
    turn(-1);
  }
  is_measuring = false;
  *after = snapshot();
  say("measured");
  while (!has_all_arrived() && now_ns() < end + (uint64_t)(options.drain * 1e9)) turn(10);
}

/* ---- reporting ---- */

static void report_histogram(const char *name, const Histogram *histogram) {
  printf(",\"%s\":{\"p50\":%.3f,\"p95\":%.3f,\"p99\":%.3f,\"max\":%.3f}", name, percentile(histogram, 0.5),
         percentile(histogram, 0.95), percentile(histogram, 0.99), percentile(histogram, 0.999999));
}

static void report(const Counters *before, const Counters *after) {
  double seconds = (double)(after->at - before->at) / 1e9;
  printf("{\"readers\":%d,\"senders\":%d,\"seconds\":%.3f,\"sent\":%llu", reader_count, sender_count, seconds,
         (unsigned long long)total.sent);
  printf(",\"acksPerSecond\":%.1f", (double)(after->acked - before->acked) / seconds);
  printf(",\"deliveriesPerSecond\":%.1f", (double)(after->heard - before->heard) / seconds);
  printf(",\"readerDeliveriesPerSecond\":%.1f", (double)(after->heard_by_readers - before->heard_by_readers) / seconds);
  printf(",\"unacked\":%llu,\"lost\":%lld", (unsigned long long)(total.sent - total.acked),
         (long long)expected() - (long long)(total.heard - echoes));
  printf(",\"cpuShare\":%.3f", (after->cpu_seconds - before->cpu_seconds) / seconds);
  report_histogram("delivery", &deliveries);
  report_histogram("ack", &acks);
  printf("}\n");
  fflush(stdout);
}

/* ---- starting ---- */

static void read_options(int argc, char **argv) {
  for (int option; (option = getopt(argc, argv, "p:w:r:u:t:d:i:")) > 0;) {
    if (option == 'p') options.port = atoi(optarg);
    else if (option == 'w') options.window = atoi(optarg);
    else if (option == 'r') options.rate = atof(optarg);
    else if (option == 'u') options.warm_up = atof(optarg);
    else if (option == 't') options.seconds = atof(optarg);
    else if (option == 'd') options.drain = atof(optarg);
    else if (option == 'i') options.idle = atoi(optarg);
    else exit(2);
  }
  if (optind != argc - 1) fail("usage", "load -p port [-w window | -r rate] [-u warm-up] [-t seconds] [-d drain] [-i first] plan.tsv");
}

static void prepare(const char *plan) {
  connections = read_plan(plan, &connection_count);
  senders = calloc((size_t)connection_count + 1, sizeof(Connection *));
  for (int i = 0; i < connection_count; i++) {
    Connection *c = &connections[i];
    if (!c->is_sender) reader_count++;
    else senders[sender_count++] = c;
    if (c->is_sender && c->hears) hearing_senders++;
  }
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  epoll_fd = epoll_create1(0);
  timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event);
  prctl(PR_SET_TIMERSLACK, 1);
  deliveries.slots = calloc(SLOTS, sizeof(uint32_t));
  acks.slots = calloc(SLOTS, sizeof(uint32_t));
}

int main(int argc, char **argv) {
  read_options(argc, argv);
  prepare(argv[optind]);
  if (options.idle >= 0) {
    open_all(0, options.idle);
    say("connected");
    await_word();
    open_all(options.idle, connection_count);
    say("connected");
    await_word();
    return 0;
  }
  open_all(0, connection_count);
  say("connected");
  await_word();
  if (sender_count == 0) fail("nothing to measure", "the plan has no senders");
  Counters before = {0}, after = {0};
  measure(&before, &after);
  report(&before, &after);
  return 0;
}
