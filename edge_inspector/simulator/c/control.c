/* The control file: mapped when there is one, else one camera with defaults; and whether a fault applies now. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim.h"

static struct control alone; /* used when no control file is named */

static void set_defaults(struct control *control) {
    memset(control, 0, sizeof *control);
    control->n_cameras = 1;
    struct camera_control *camera = &control->cameras[0];
    snprintf(camera->serial, sizeof camera->serial, "SIM0001");
    camera->width = 640;
    camera->height = 480;
    camera->pixel_format = PIXEL_Mono8;
    camera->frame_rate_hz = 10;
    camera->line_rate_hz = 10000;
    camera->exposure_us = 500;
    camera->encoder_sign = 1;
    camera->temperature_mc = 41500;
    control->conveyors[0].spacing_mm = 100;
    control->conveyors[0].counts_per_mm = 10;
}

/* Returns the mapped file; NULL when it is missing or not of this version. */
static struct control *map_control(const char *path) {
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return NULL;
    struct stat state;
    struct control *control = MAP_FAILED;
    if (fstat(file, &state) == 0 && (size_t)state.st_size >= sizeof *control)
        control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (control == MAP_FAILED)
        return NULL;
    if (control->magic == CONTROL_MAGIC && control->version == CONTROL_VERSION && control->bytes == sizeof *control &&
        control->n_cameras <= MAX_CAMERAS)
        return control;
    munmap(control, sizeof *control);
    return NULL;
}

static void map_pictures(struct camera *camera) {
    camera->pictures = NULL;
    camera->picture_bytes = 0;
    if (!camera->control->pictures[0])
        return;
    int file = open(camera->control->pictures, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    struct stat state;
    if (fstat(file, &state) == 0 && state.st_size > 0) {
        void *memory = mmap(NULL, (size_t)state.st_size, PROT_READ, MAP_SHARED, file, 0);
        if (memory != MAP_FAILED) {
            camera->pictures = memory;
            camera->picture_bytes = (size_t)state.st_size;
        }
    }
    close(file);
}

void control_open(void) {
    const char *path = getenv("EDGE_INSPECTOR_SIMULATOR");
    sim.is_shared = false;
    sim.control = &alone;
    set_defaults(&alone);
    if (path && *path) {
        struct control *mapped = map_control(path);
        sim.is_shared = mapped != NULL;
        if (mapped)
            sim.control = mapped;
        else /* a rehearsal that was asked for and is not there must not look like an ordinary camera */
            alone.n_cameras = 0;
    }
    for (unsigned i = 0; i < MAX_CAMERAS; i++) {
        struct camera *camera = &sim.cameras[i];
        memset(camera, 0, sizeof *camera);
        camera->index = i;
        camera->lock_file = -1;
        camera->control = &sim.control->cameras[i];
        camera->conveyor = &sim.control->conveyors[camera->control->conveyor % MAX_CAMERAS];
        camera->device = (struct module){.kind = KIND_DEVICE, .camera = camera};
        camera->remote = (struct module){.kind = KIND_REMOTE, .camera = camera};
        camera->stream.module = (struct module){.kind = KIND_STREAM, .camera = camera};
        map_pictures(camera);
        registers_power_up(camera);
    }
}

void control_close(void) {
    for (unsigned i = 0; i < MAX_CAMERAS; i++) {
        struct camera *camera = &sim.cameras[i];
        if (camera->pictures)
            munmap((void *)camera->pictures, camera->picture_bytes);
        camera->pictures = NULL;
    }
    if (sim.is_shared)
        munmap(sim.control, sizeof *sim.control);
    sim.control = &alone;
    sim.is_shared = false;
}

/* Uses up one chance of a fault. The caller holds the lock; other processes have other cameras. */
bool fault_applies(struct camera *camera, enum fault fault) {
    struct fault_state *state = &camera->control->faults[fault];
    uint32_t next = __atomic_load_n(&state->next, __ATOMIC_RELAXED);
    bool applies = false;
    if (next > 0) {
        __atomic_store_n(&state->next, next - 1, __ATOMIC_RELAXED);
        applies = true;
    } else if (state->every > 0) {
        applies = ++state->seen % state->every == 0;
    }
    if (applies)
        __atomic_fetch_add(&state->fired, 1, __ATOMIC_RELAXED);
    return applies;
}

/* Whether a fault that is a state, such as a stall, holds now. */
bool fault_holds(const struct camera *camera, enum fault fault) {
    const struct fault_state *state = &camera->control->faults[fault];
    return __atomic_load_n(&state->next, __ATOMIC_RELAXED) > 0 || __atomic_load_n(&state->every, __ATOMIC_RELAXED) > 0;
}

int32_t fault_value(const struct camera *camera, enum fault fault, int32_t otherwise) {
    int32_t value = camera->control->faults[fault].value;
    return value ? value : otherwise;
}
