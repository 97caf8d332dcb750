// A wall clock that is set while a program runs: loaded before libc, it shifts CLOCK_REALTIME by
// STEP_MS between FROM_MS and TO_MS after the program has first asked for it. All other clocks
// stay what they are.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static long from_ms, to_ms, step_ms, first_ms;
static int (*real)(clockid_t, struct timespec *);

static long monotonic_ms(void) {
  struct timespec now;
  real(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

__attribute__((constructor)) static void begin(void) {
  real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  from_ms = atol(getenv("FROM_MS"));
  to_ms = atol(getenv("TO_MS"));
  step_ms = atol(getenv("STEP_MS"));
  first_ms = monotonic_ms();
}

int clock_gettime(clockid_t id, struct timespec *time) {
  // Asked for before this has begun: by the loader.
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int failed = real(id, time);
  if (failed || id != CLOCK_REALTIME || !first_ms) return failed;
  long since_ms = monotonic_ms() - first_ms;
  if (since_ms >= from_ms && since_ms < to_ms) {
    long ns = time->tv_nsec + step_ms % 1000 * 1000000;
    time->tv_sec += step_ms / 1000 + (ns >= 1000000000) - (ns < 0);
    time->tv_nsec = (ns + 1000000000) % 1000000000;
  }
  return 0;
}
