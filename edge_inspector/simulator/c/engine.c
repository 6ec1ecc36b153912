/* The engine: one thread per running stream, which takes frames when they are due. */
#include "sim.h"

#define LOOK_NS 1000000ll /* faults, fired parts and the encoder are looked at so often */

static uint64_t frames_of_mode(const struct camera *camera) {
    switch (reg_u32(camera, REG_AcquisitionMode)) {
    case 1: return 1;
    case 2: return reg_u32(camera, REG_AcquisitionFrameCount);
    default: return WITHOUT_END;
    }
}

int32_t acquisition_start(struct camera *camera) {
    if (fault_applies(camera, FAULT_START_FAILURE))
        return fail(fault_value(camera, FAULT_START_FAILURE, ERR_IO), "the camera did not start");
    int64_t now = now_ns();
    camera->is_acquiring = true;
    camera->taken = 0;
    camera->software_triggers = 0;
    camera->frames_left = frames_of_mode(camera);
    camera->seen_edges = conveyor_edges(camera->conveyor, now);
    camera->busy_until_ns = 0;
    camera->next_frame_ns = now;
    camera->scan_raw = encoder_raw(camera, now);
    camera->scan_position = camera->scan_start = 0;
    camera->scan_ns = now;
    camera->is_scanning = false;
    camera->control->is_acquiring = 1;
    return OK;
}

void acquisition_stop(struct camera *camera) {
    camera->is_acquiring = false;
    camera->control->is_acquiring = 0;
}

bool is_on(const struct camera *camera, unsigned selector) {
    return reg_u32(camera, REG_TriggerMode + 4 * selector) == 1;
}

/* Whether a frame may be taken now. */
bool is_taking(const struct camera *camera) {
    const struct stream *stream = &camera->stream;
    return camera->is_acquiring && !stream->must_stop && stream->left > 0 && camera->frames_left > 0 &&
           camera_alive(camera) && !fault_holds(camera, FAULT_STALL);
}

static bool scans_by_encoder(const struct camera *camera) {
    return is_on(camera, TRIGGER_LINE) && reg_u32(camera, REG_TriggerSource + 4 * TRIGGER_LINE) == SOURCE_ENCODER0;
}

static int64_t run_once(struct camera *camera) {
    if (!is_taking(camera)) {
        pass_edges(camera);
        camera->next_frame_ns = now_ns();
        return INT64_MAX;
    }
    if (scans_by_encoder(camera))
        return run_scanning(camera, is_on(camera, TRIGGER_FRAME));
    if (is_on(camera, TRIGGER_BURST))
        return run_triggered(camera, TRIGGER_BURST);
    if (is_on(camera, TRIGGER_FRAME))
        return run_triggered(camera, TRIGGER_FRAME);
    return run_freely(camera);
}

/* A frame that waits for its successor is given up when the stream stops. */
static void release_held(struct stream *stream) {
    if (stream->held)
        stream->held->state = BUFFER_IDLE;
    stream->held = NULL;
}

static void *engine_main(void *argument) {
    struct camera *camera = argument;
    struct stream *stream = &camera->stream;
    pthread_mutex_lock(&sim.lock);
    while (!stream->must_stop) {
        int64_t due_ns = run_once(camera);
        int64_t now = now_ns(), look_ns = now + LOOK_NS;
        if (stream->must_stop || due_ns <= now)
            continue;
        camera->control->rests++;
        wait_changed(due_ns < look_ns ? due_ns : look_ns);
    }
    release_held(stream);
    pthread_mutex_unlock(&sim.lock);
    return NULL;
}

int32_t engine_start(struct stream *stream) {
    struct camera *camera = stream->module.camera;
    stream->must_stop = false;
    stream->held = NULL;
    camera->seen_edges = conveyor_edges(camera->conveyor, now_ns()); /* parts from before got no frame */
    if (pthread_create(&stream->engine, NULL, engine_main, camera) != 0)
        return fail(ERR_RESOURCE_EXHAUSTED, "no thread for the stream");
    stream->is_running = true;
    return OK;
}

/* Gives the lock back while the thread ends. Whoever comes second waits for the first. */
void engine_stop(struct stream *stream) {
    if (!stream->is_running)
        return;
    if (stream->must_stop) {
        while (stream->is_running)
            wait_changed(INT64_MAX);
        return;
    }
    stream->must_stop = true;
    pthread_cond_broadcast(&sim.changed);
    pthread_mutex_unlock(&sim.lock);
    pthread_join(stream->engine, NULL);
    pthread_mutex_lock(&sim.lock);
    stream->is_running = false;
    pthread_cond_broadcast(&sim.changed);
}
