// A wall clock that is set while programs run: loaded before libc, it shifts CLOCK_REALTIME by
// STEP_MS from FROM_MS until TO_MS after START_MS on the monotonic clock, in all programs at once.
// All other clocks stay what they are.
//
// As with a clock that is really set, who waits on a condition until a time of the wall clock
// waits until the clock that was set shows it: an hour longer when it was set back by an hour.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>

static long start_ms, from_ms, to_ms, step_ms;
static int (*real)(clockid_t, struct timespec *);
static int (*wait_until)(cnd_t *, mtx_t *, const struct timespec *);

static long ms(const struct timespec *time) { return time->tv_sec * 1000 + time->tv_nsec / 1000000; }

__attribute__((constructor)) static void begin(void) {
  real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  wait_until = (int (*)(cnd_t *, mtx_t *, const struct timespec *))dlsym(RTLD_NEXT, "cnd_timedwait");
  start_ms = atol(getenv("START_MS"));
  from_ms = atol(getenv("FROM_MS"));
  to_ms = atol(getenv("TO_MS"));
  step_ms = atol(getenv("STEP_MS"));
}

int clock_gettime(clockid_t id, struct timespec *time) {
  // Asked for before this has begun: by the loader.
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int failed = real(id, time);
  if (failed || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)) return failed;
  struct timespec now;
  real(CLOCK_MONOTONIC, &now);
  long since_ms = ms(&now) - start_ms;
  if (since_ms >= from_ms && since_ms < to_ms) {
    long ns = time->tv_nsec + step_ms % 1000 * 1000000;
    time->tv_sec += step_ms / 1000 + (ns >= 1000000000) - (ns < 0);
    time->tv_nsec = (ns + 1000000000) % 1000000000;
  }
  return 0;
}

int timespec_get(struct timespec *time, int base) {
  return clock_gettime(CLOCK_REALTIME, time) ? 0 : base;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  (void)zone;
  struct timespec now;
  int failed = clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return failed;
}

time_t time(time_t *into) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (into) *into = now.tv_sec;
  return now.tv_sec;
}

// What librdkafka waits by.
int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex, const struct timespec *restrict until) {
  for (;;) {
    struct timespec shown, slice;
    clock_gettime(CLOCK_REALTIME, &shown);
    long left_ns = (until->tv_sec - shown.tv_sec) * 1000000000 + until->tv_nsec - shown.tv_nsec;
    if (left_ns <= 0) return thrd_timedout;
    // In slices, so that a clock that is set meanwhile counts.
    if (left_ns > 20000000) left_ns = 20000000;
    real(CLOCK_REALTIME, &slice);
    slice.tv_nsec += left_ns;
    slice.tv_sec += slice.tv_nsec / 1000000000;
    slice.tv_nsec %= 1000000000;
    int ended = wait_until(cond, mutex, &slice);
    if (ended != thrd_timedout) return ended;
  }
}
