/* The conveyor: where the parts and the encoder are at a given moment. A pure function of the control file. */
#include <math.h>

#include "sim.h"

/* Reads a consistent copy of the segments; a writer that died half way is not waited for. */
static struct conveyor snapshot(const struct conveyor *conveyor) {
    struct conveyor copy;
    for (int tries = 0; tries < 1000; tries++) {
        uint32_t before = __atomic_load_n(&conveyor->sequence, __ATOMIC_ACQUIRE);
        copy = *conveyor;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (before % 2 == 0 && before == __atomic_load_n(&conveyor->sequence, __ATOMIC_RELAXED))
            break;
    }
    if (copy.n_segments > MAX_SEGMENTS)
        copy.n_segments = 0;
    return copy;
}

static const struct segment *segment_at(const struct conveyor *copy, int64_t when_ns) {
    const struct segment *found = NULL;
    for (uint32_t i = 0; i < copy->n_segments; i++)
        if (!found || copy->segments[i].start_ns <= when_ns)
            found = &copy->segments[i];
    return found;
}

static double timed_mm(const struct segment *segment, int64_t when_ns) {
    int64_t elapsed = when_ns > segment->start_ns ? when_ns - segment->start_ns : 0;
    return segment->start_mm + segment->speed_mm_s * (double)elapsed * 1e-9;
}

/* The sensor sees an edge whenever a multiple of the spacing passes it, in either direction. */
static uint64_t crossings(double from_mm, double to_mm, double spacing_mm) {
    return spacing_mm > 0 ? (uint64_t)fabs(floor(to_mm / spacing_mm) - floor(from_mm / spacing_mm)) : 0;
}

static uint64_t timed_edges(const struct conveyor *copy, int64_t when_ns) {
    const struct segment *segment = segment_at(copy, when_ns);
    if (!segment)
        return 0;
    return segment->start_edges + crossings(segment->start_mm, timed_mm(segment, when_ns), copy->spacing_mm);
}

uint64_t conveyor_edges(const struct conveyor *conveyor, int64_t when_ns) {
    struct conveyor copy = snapshot(conveyor);
    return timed_edges(&copy, when_ns) + copy.stepped_edges;
}

double conveyor_mm(const struct conveyor *conveyor, int64_t when_ns) {
    struct conveyor copy = snapshot(conveyor);
    const struct segment *segment = segment_at(&copy, when_ns);
    return (segment ? timed_mm(segment, when_ns) : 0.0) + copy.stepped_mm;
}

/* The moment at which the k-th crossing (from 1) of a segment comes. */
static int64_t crossing_ns(const struct segment *segment, uint64_t k, double spacing_mm) {
    double first = floor(segment->start_mm / spacing_mm);
    double line = segment->speed_mm_s > 0 ? (first + (double)k) * spacing_mm : (first - (double)k + 1) * spacing_mm;
    double elapsed_s = (line - segment->start_mm) / segment->speed_mm_s;
    return segment->start_ns + (int64_t)ceil(elapsed_s * 1e9);
}

/* When the edge with that number (from 1) came; for one fired by hand, when it was fired. Never after `now`. */
int64_t conveyor_edge_ns(const struct conveyor *conveyor, uint64_t edge, int64_t now) {
    struct conveyor copy = snapshot(conveyor);
    if (copy.stepped_edges > 0)
        return copy.stepped_ns < now ? copy.stepped_ns : now;
    for (uint32_t i = copy.n_segments; i-- > 0;) {
        const struct segment *segment = &copy.segments[i];
        if (segment->start_edges >= edge || segment->start_ns > now || segment->speed_mm_s == 0)
            continue;
        int64_t when_ns = crossing_ns(segment, edge - segment->start_edges, copy.spacing_mm);
        return when_ns < now ? when_ns : now;
    }
    return now;
}

/* When the next edge will come by itself; INT64_MAX when none is due. */
int64_t conveyor_next_edge_ns(const struct conveyor *conveyor, int64_t now) {
    struct conveyor copy = snapshot(conveyor);
    const struct segment *segment = segment_at(&copy, now);
    if (!segment || segment->speed_mm_s == 0 || copy.spacing_mm <= 0)
        return INT64_MAX;
    uint64_t passed = crossings(segment->start_mm, timed_mm(segment, now), copy.spacing_mm);
    return crossing_ns(segment, passed + 1, copy.spacing_mm);
}

/* Counts of the encoder's shaft, before direction, offset and modulus of the camera's own counter. */
int64_t encoder_raw(const struct camera *camera, int64_t when_ns) {
    return (int64_t)floor(conveyor_mm(camera->conveyor, when_ns) * camera->conveyor->counts_per_mm + 1e-6);
}

int64_t encoder_counts(const struct camera *camera, int64_t when_ns) {
    const struct camera_control *control = camera->control;
    int64_t counts = control->encoder_sign * encoder_raw(camera, when_ns) + control->encoder_offset;
    int64_t modulus = (int64_t)control->encoder_modulus;
    if (modulus > 0)
        counts = ((counts % modulus) + modulus) % modulus;
    return counts;
}

void encoder_reset(struct camera *camera) {
    struct camera_control *control = camera->control;
    control->encoder_offset = -control->encoder_sign * encoder_raw(camera, now_ns());
}

/* What the trigger counter shows when so many edges have passed the sensor. */
uint64_t trigger_number(const struct camera *camera, uint64_t edges) {
    return edges - camera->control->edges_at_reset;
}
