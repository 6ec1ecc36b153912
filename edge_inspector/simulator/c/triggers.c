/* When frames are taken: freely, by parts and software, or line by line with the encoder. */
#include <math.h>

#include "sim.h"

#define READOUT_NS 100000ll   /* after an exposure the sensor is busy for so long */
#define LATE_NS 1000000000ll  /* a free run that is further behind starts anew instead of catching up */

static bool is_line_scan(const struct camera *camera) {
    return reg_u32(camera, REG_DeviceScanType) == 1;
}

/* How long a frame takes: exposure, or all its lines. */
static int64_t frame_ns(const struct camera *camera) {
    if (is_line_scan(camera))
        return (int64_t)(reg_u32(camera, REG_Height) * 1e9 / fmax(reg_f64(camera, REG_AcquisitionLineRate), 1.0));
    return (int64_t)(reg_f64(camera, REG_ExposureTime) * 1000);
}

static int64_t free_run_ns(const struct camera *camera) {
    int64_t least_ns = frame_ns(camera) + (is_line_scan(camera) ? 0 : READOUT_NS);
    if (is_line_scan(camera) || !reg_u32(camera, REG_AcquisitionFrameRateEnable))
        return least_ns;
    int64_t asked_ns = (int64_t)(1e9 / fmax(reg_f64(camera, REG_AcquisitionFrameRate), 0.01));
    return asked_ns > least_ns ? asked_ns : least_ns;
}

/* Takes the frame when its exposure is over. */
static void expose(struct camera *camera, uint64_t trigger, uint64_t edges, int64_t when_ns) {
    int64_t until_ns = when_ns + frame_ns(camera);
    camera->busy_until_ns = until_ns + READOUT_NS;
    int64_t encoder = encoder_counts(camera, when_ns);
    while (now_ns() < until_ns && is_taking(camera) && !camera->control->patient)
        wait_changed(until_ns);
    if (is_taking(camera))
        frame_take(camera, (struct exposure){trigger, edges, when_ns, encoder});
}

/* Counts the edges that passed without being asked for a frame. */
void pass_edges(struct camera *camera) {
    uint64_t edges = conveyor_edges(camera->conveyor, now_ns());
    if (edges > camera->seen_edges && camera->is_acquiring)
        camera->control->edges += edges - camera->seen_edges;
    camera->seen_edges = edges;
}

int64_t run_freely(struct camera *camera) {
    int64_t now = now_ns();
    pass_edges(camera);
    if (camera->control->patient) {
        if (camera->stream.input.count == 0)
            return INT64_MAX;
        expose(camera, camera->taken + 1, camera->seen_edges, now);
        return now;
    }
    if (now < camera->next_frame_ns)
        return camera->next_frame_ns;
    int64_t when_ns = now - camera->next_frame_ns > LATE_NS ? now : camera->next_frame_ns;
    camera->next_frame_ns = when_ns + free_run_ns(camera);
    expose(camera, camera->taken + 1, camera->seen_edges, when_ns);
    return camera->next_frame_ns;
}

/* An edge that comes while the camera is busy is lost; the camera counts it and can send an event. */
static bool is_over_trigger(struct camera *camera, uint64_t trigger, int64_t when_ns, bool is_stepped) {
    if (is_stepped || when_ns >= camera->busy_until_ns)
        return false;
    camera->control->over_triggers++;
    if (reg_u32(camera, REG_EventNotification + 4) == 1)
        event_fire(&camera->device, EVENT_REMOTE, 0x9002, trigger);
    return true;
}

/* Takes what one trigger asks for: a frame, or a burst. */
static void take_triggered(struct camera *camera, unsigned selector, uint64_t trigger, uint64_t edges,
                           int64_t when_ns) {
    uint32_t count = selector == TRIGGER_BURST ? reg_u32(camera, REG_AcquisitionBurstFrameCount) : 1;
    if (fault_applies(camera, FAULT_EXTRA_FRAME)) {
        camera->control->extra++;
        count++;
    }
    for (uint32_t i = 0; i < count && is_taking(camera); i++)
        expose(camera, trigger, edges, when_ns + i * free_run_ns(camera));
}

static int64_t delay_ns(const struct camera *camera, unsigned selector) {
    double delay_us = reg_f64(camera, REG_TriggerDelay + 8 * selector) + reg_f64(camera, REG_LineDebouncerTime);
    return (int64_t)(delay_us * 1000);
}

/* Handles the next edge of the part sensor. */
static void handle_edge(struct camera *camera, unsigned selector) {
    uint64_t edge = camera->seen_edges + 1;
    int64_t when_ns = conveyor_edge_ns(camera->conveyor, edge, now_ns()) + delay_ns(camera, selector);
    bool is_stepped = camera->conveyor->stepped_edges > 0;
    camera->seen_edges = edge;
    if (fault_applies(camera, FAULT_MISSED_TRIGGER))
        camera->control->missed++;
    else if (!is_over_trigger(camera, trigger_number(camera, edge), when_ns, is_stepped))
        take_triggered(camera, selector, trigger_number(camera, edge), edge, when_ns);
    camera->control->edges++;
}

static int64_t run_by_encoder(struct camera *camera, unsigned selector);

int64_t run_triggered(struct camera *camera, unsigned selector) {
    int64_t now = now_ns();
    uint32_t source = reg_u32(camera, REG_TriggerSource + 4 * selector);
    if (source == SOURCE_LINE0) {
        if (conveyor_edges(camera->conveyor, now) <= camera->seen_edges)
            return conveyor_next_edge_ns(camera->conveyor, now);
        handle_edge(camera, selector);
        return now;
    }
    pass_edges(camera);
    if (source == SOURCE_ENCODER0)
        return run_by_encoder(camera, selector);
    if (source != SOURCE_SOFTWARE || camera->software_triggers == 0)
        return INT64_MAX; /* nothing is wired to Line1 */
    camera->software_triggers--;
    take_triggered(camera, selector, camera->taken + 1, camera->seen_edges, now + delay_ns(camera, selector));
    return now;
}

/* Follows the encoder. Backwards moves must be made up for before a line counts again. */
static void follow_encoder(struct camera *camera, int64_t now) {
    int64_t raw = encoder_raw(camera, now);
    camera->scan_position += camera->control->encoder_sign * (raw - camera->scan_raw);
    camera->scan_raw = raw;
}

static int64_t counts_per_line(const struct camera *camera) {
    uint32_t divider = reg_u32(camera, REG_EncoderDivider);
    return divider > 0 ? divider : 1;
}

/* An area camera whose frames the encoder triggers: one for each EncoderDivider counts. */
static int64_t run_by_encoder(struct camera *camera, unsigned selector) {
    int64_t now = now_ns(), counts = counts_per_line(camera);
    follow_encoder(camera, now);
    if (camera->scan_position - camera->scan_start < counts)
        return INT64_MAX;
    camera->scan_start += counts;
    take_triggered(camera, selector, camera->taken + 1, camera->seen_edges, now);
    return now;
}

/* The sensor of the part starts a frame; those that come during one are lost. */
static void begin_scan(struct camera *camera, int64_t now) {
    while (camera->seen_edges < conveyor_edges(camera->conveyor, now)) {
        uint64_t edge = ++camera->seen_edges;
        camera->control->edges++;
        if (fault_applies(camera, FAULT_MISSED_TRIGGER)) {
            camera->control->missed++;
        } else if (camera->is_scanning) {
            camera->busy_until_ns = INT64_MAX;
            is_over_trigger(camera, trigger_number(camera, edge), now, false);
        } else {
            camera->is_scanning = true;
            camera->scan_start = camera->scan_position;
            camera->scan_ns = conveyor_edge_ns(camera->conveyor, edge, now);
            camera->scan_trigger = trigger_number(camera, edge);
            camera->scan_edges = edge;
            return; /* this edge's frame first */
        }
    }
}

/* A line-scan camera whose lines the encoder triggers; with a frame trigger a part starts each frame. */
int64_t run_scanning(struct camera *camera, bool is_framed) {
    int64_t now = now_ns();
    follow_encoder(camera, now);
    int64_t counts = counts_per_line(camera) * reg_u32(camera, REG_Height);
    if (is_framed)
        begin_scan(camera, now);
    else
        pass_edges(camera);
    if ((is_framed && !camera->is_scanning) || camera->scan_position - camera->scan_start < counts)
        return INT64_MAX;
    int64_t behind = camera->scan_position - camera->scan_start;
    int64_t encoder = encoder_counts(camera, now) - behind; /* where its first line was */
    struct exposure exposure = {camera->taken + 1, camera->seen_edges, camera->scan_ns, encoder};
    if (is_framed) {
        exposure.trigger = camera->scan_trigger;
        exposure.edges = camera->scan_edges;
    }
    camera->scan_start += counts;
    camera->scan_ns = now;
    camera->is_scanning = false;
    frame_take(camera, exposure);
    return now;
}
