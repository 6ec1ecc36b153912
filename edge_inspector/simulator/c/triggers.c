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

static int64_t delay_ns(const struct camera *camera, unsigned selector) {
    double delay_us = reg_f64(camera, REG_TriggerDelay + 8 * selector) + reg_f64(camera, REG_LineDebouncerTime);
    return (int64_t)(delay_us * 1000);
}

/* When an edge of the part sensor asks for its exposure. */
static int64_t edge_ns(const struct camera *camera, unsigned selector, uint64_t edge) {
    return conveyor_edge_ns(camera->conveyor, edge, now_ns()) + delay_ns(camera, selector);
}

/* Edges that were fired by hand wait for exposures. */
static bool is_stepped(const struct camera *camera) {
    return camera->conveyor->stepped_edges > 0;
}

/* Counts an edge; whether it gets no frame. Of one that comes while it is busy the camera knows: it can say so. */
static bool is_left_out(struct camera *camera, uint64_t edge, int64_t when_ns, bool is_busy) {
    camera->seen_edges = edge;
    camera->control->edges++;
    if (fault_applies(camera, FAULT_MISSED_TRIGGER)) {
        camera->control->missed++;
        return true;
    }
    if (!fault_applies(camera, FAULT_OVER_TRIGGER) && !is_busy)
        return false;
    camera->control->over_triggers++;
    if (reg_u32(camera, REG_EventNotification + 4) == 1)
        event_fire(&camera->device, EVENT_REMOTE,
                   (struct event_message){0x9002, trigger_number(camera, edge), camera_ns(camera, when_ns)});
    return true;
}

/* Deals with the edges that come during an exposure, when they come; returns when the next one will. */
static int64_t leave_out_edges(struct camera *camera) {
    unsigned selector = is_on(camera, TRIGGER_BURST) ? TRIGGER_BURST : TRIGGER_FRAME;
    if (!is_on(camera, selector) || reg_u32(camera, REG_TriggerSource + 4 * selector) != SOURCE_LINE0 ||
        is_stepped(camera))
        return INT64_MAX;
    while (conveyor_edges(camera->conveyor, now_ns()) > camera->seen_edges) {
        uint64_t edge = camera->seen_edges + 1;
        int64_t when_ns = edge_ns(camera, selector, edge);
        if (when_ns >= camera->busy_until_ns)
            return INT64_MAX; /* its delay ends after the exposure */
        is_left_out(camera, edge, when_ns, true);
    }
    return conveyor_next_edge_ns(camera->conveyor, now_ns());
}

/* Takes the frame when its exposure is over. */
static void expose(struct camera *camera, uint64_t trigger, uint64_t edges, int64_t when_ns) {
    int64_t until_ns = when_ns + frame_ns(camera);
    camera->busy_until_ns = until_ns + READOUT_NS;
    int64_t encoder = encoder_counts(camera, when_ns);
    while (now_ns() < until_ns && is_taking(camera) && !camera->control->patient) {
        int64_t edge_ns = leave_out_edges(camera);
        wait_changed(edge_ns < until_ns ? edge_ns : until_ns);
    }
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

/* Handles the next edge of the part sensor. */
static void handle_edge(struct camera *camera, unsigned selector) {
    uint64_t edge = camera->seen_edges + 1;
    int64_t when_ns = edge_ns(camera, selector, edge);
    bool is_busy = when_ns < camera->busy_until_ns && !is_stepped(camera);
    if (!is_left_out(camera, edge, when_ns, is_busy))
        take_triggered(camera, selector, trigger_number(camera, edge), edge, when_ns);
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

/* Of a move of the encoder, the steps that count: of positions those back are taken off, and must be made up for. */
static int64_t steps_out(const struct camera *camera, int64_t step) {
    switch (reg_u32(camera, REG_EncoderOutputMode)) {
    case OUTPUT_POSITION_UP: return step;
    case OUTPUT_POSITION_DOWN: return -step;
    case OUTPUT_DIRECTION_UP: return step > 0 ? step : 0;
    case OUTPUT_DIRECTION_DOWN: return step < 0 ? -step : 0;
    case OUTPUT_MOTION: return step > 0 ? step : -step;
    default: return 0;
    }
}

static void follow_encoder(struct camera *camera, int64_t now) {
    int64_t raw = encoder_raw(camera, now);
    camera->scan_position += steps_out(camera, camera->control->encoder_sign * (raw - camera->scan_raw));
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
        uint64_t edge = camera->seen_edges + 1;
        int64_t when_ns = conveyor_edge_ns(camera->conveyor, edge, now);
        if (is_left_out(camera, edge, when_ns, camera->is_scanning))
            continue;
        camera->is_scanning = true;
        camera->scan_start = camera->scan_position;
        camera->scan_ns = when_ns;
        camera->scan_trigger = trigger_number(camera, edge);
        camera->scan_edges = edge;
        return; /* this edge's frame first */
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
