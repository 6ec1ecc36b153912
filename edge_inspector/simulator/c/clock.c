/* The computer's monotonic clock, waiting on it, and the camera's own clock. */
#include <errno.h>
#include <time.h>

#include "sim.h"

#define SECOND_NS 1000000000ll

int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static struct timespec as_timespec(int64_t ns) {
    return (struct timespec){.tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS};
}

void sleep_until(int64_t when_ns) {
    struct timespec when = as_timespec(when_ns);
    while (when_ns > 0 && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
        ;
}

void wait_changed(int64_t until_ns) {
    if (until_ns == INT64_MAX) {
        pthread_cond_wait(&sim.changed, &sim.lock);
        return;
    }
    struct timespec until = as_timespec(until_ns);
    pthread_cond_timedwait(&sim.changed, &sim.lock, &until);
}

/* The camera's clock runs off by parts in a million and stands elsewhere than the computer's. */
uint64_t camera_ns(const struct camera *camera, int64_t monotonic_ns) {
    const struct camera_control *control = camera->control;
    double drift_ns = (double)(monotonic_ns - control->clock_epoch_ns) * control->clock_drift_ppm * 1e-6;
    return (uint64_t)(monotonic_ns + control->clock_offset_ns + (int64_t)drift_ns);
}
