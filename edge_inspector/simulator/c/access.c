/* Who may have a camera: one process at a time, and after a kill nobody until its heartbeat timeout has passed. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim.h"

#define HEARTBEAT_NS 20000000ll /* finer than any heartbeat timeout that is worth testing */

bool camera_reachable(const struct camera *camera) {
    return !fault_holds(camera, FAULT_LOST) && now_ns() >= camera->control->absent_until_ns;
}

/* Whether what was opened still talks to the camera: a camera that was away has forgotten its connections. */
bool camera_alive(const struct camera *camera) {
    return camera->is_open && camera->losses == camera->control->losses && camera_reachable(camera);
}

static struct flock byte_of(unsigned index) {
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = index, .l_len = 1};
}

/* A lock on the camera's byte of the control file: the kernel drops it when the process ends, however it ends. */
static bool try_lock(int file, unsigned index) {
    struct flock lock = byte_of(index);
    return fcntl(file, F_OFD_SETLK, &lock) == 0;
}

static bool is_lingering(const struct camera_control *control) {
    int64_t until_ns = control->heard_ns + (int64_t)control->linger_ms * 1000000;
    return control->holder_pid != 0 && now_ns() < until_ns;
}

static void *heartbeat(void *argument) {
    struct camera *camera = argument;
    pthread_mutex_lock(&sim.lock);
    while (!camera->must_end) {
        camera->control->heard_ns = now_ns();
        int64_t next_ns = camera->control->heard_ns + HEARTBEAT_NS;
        struct timespec next = {next_ns / 1000000000, next_ns % 1000000000};
        pthread_cond_timedwait(&sim.ended, &sim.lock, &next);
    }
    pthread_mutex_unlock(&sim.lock);
    return NULL;
}

static int open_lock_file(void) {
    const char *path = getenv("EDGE_INSPECTOR_SIMULATOR");
    return path ? open(path, O_RDWR | O_CLOEXEC) : -1;
}

static int32_t take_lock(struct camera *camera) {
    int file = open_lock_file();
    if (file < 0)
        return fail(ERR_IO, "the control file is gone");
    if (!try_lock(file, camera->index) || is_lingering(camera->control)) {
        close(file);
        return fail(ERR_ACCESS_DENIED, "another process has the camera, or was killed and its heartbeat timeout runs");
    }
    camera->lock_file = file;
    return OK;
}

int32_t access_take(struct camera *camera) {
    if (sim.is_shared) {
        int32_t error = take_lock(camera);
        if (error)
            return error;
    }
    camera->control->holder_pid = (uint32_t)getpid();
    camera->control->heard_ns = now_ns();
    camera->must_end = false;
    if (pthread_create(&camera->heartbeat, NULL, heartbeat, camera) != 0) {
        camera->control->holder_pid = 0;
        if (camera->lock_file >= 0)
            close(camera->lock_file);
        camera->lock_file = -1;
        return fail(ERR_RESOURCE_EXHAUSTED, "no thread for the heartbeat");
    }
    return OK;
}

/* Lets go properly: free for others at once. Gives the lock of the library back while the heartbeat ends. */
void access_release(struct camera *camera) {
    camera->must_end = true;
    pthread_cond_broadcast(&sim.ended);
    pthread_mutex_unlock(&sim.lock);
    pthread_join(camera->heartbeat, NULL);
    pthread_mutex_lock(&sim.lock);
    camera->control->holder_pid = 0;
    if (camera->lock_file >= 0)
        close(camera->lock_file);
    camera->lock_file = -1;
}

static bool is_held_elsewhere(const struct camera *camera) {
    int file = open_lock_file();
    struct flock lock = byte_of(camera->index);
    bool held = file >= 0 && fcntl(file, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    if (file >= 0)
        close(file);
    return held || is_lingering(camera->control);
}

int32_t access_status(struct camera *camera) {
    if (camera->is_open)
        return camera_alive(camera) ? STATUS_OPEN : STATUS_NO_ACCESS;
    if (!camera_reachable(camera))
        return STATUS_NO_ACCESS;
    return sim.is_shared && is_held_elsewhere(camera) ? STATUS_BUSY : STATUS_FREE;
}
