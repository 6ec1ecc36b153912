/* What the files of the producer share. One lock guards everything but pixels that are being drawn. */
#ifndef EDGE_INSPECTOR_SIM_H
#define EDGE_INSPECTOR_SIM_H

#include <pthread.h>
#include <stdbool.h>

#include "control.h"
#include "gentl.h"
#include "generated.h"

/* ---- modules ---- */

enum kind { KIND_NONE, KIND_SYSTEM, KIND_INTERFACE, KIND_DEVICE, KIND_REMOTE, KIND_STREAM, KIND_EVENT, KIND_BUFFER };

#define EVENT_QUEUE 64
#define MAX_EVENTS_PER_MODULE 6
#define MAX_BUFFERS 512

/* One registered event. New buffers wait in their stream's output queue, everything else here. */
struct event {
    void *handle;
    enum event_type type;
    struct module *owner;
    bool is_killed;
    uint64_t fired;
    unsigned first, count;
    struct event_message { uint64_t id, value, timestamp_ns; } queue[EVENT_QUEUE];
};

/* What every module has in common; the first member of each. */
struct module {
    enum kind kind;
    void *handle; /* NULL while closed */
    struct camera *camera; /* NULL for system and interface */
    struct event *events[MAX_EVENTS_PER_MODULE];
};

enum buffer_state { BUFFER_IDLE, BUFFER_INPUT, BUFFER_FILLING, BUFFER_OUTPUT, BUFFER_DELIVERED };

#define MAX_CHUNKS 6

/* An announced buffer and what lies in it. */
struct buffer {
    void *handle;
    struct stream *stream;
    unsigned char *base;
    size_t size;
    void *user;
    bool is_own; /* allocated by DSAllocAndAnnounceBuffer */
    enum buffer_state state;
    struct buffer *next; /* in the input or the output queue */
    bool is_new, is_incomplete, is_larger, has_chunks;
    uint64_t frame_id, timestamp_ns, pixel_format;
    size_t width, height, delivered_height, offset_x, padding_x, filled, image_bytes, larger_bytes;
    unsigned n_chunks;
    struct chunk_entry chunks[MAX_CHUNKS];
};

struct buffer_queue {
    struct buffer *first, *last;
    size_t count;
};

struct stream {
    struct module module;
    struct buffer *buffers[MAX_BUFFERS];
    size_t n_buffers;
    struct buffer_queue input, output;
    struct buffer *held; /* FAULT_OUT_OF_ORDER: waits for its successor */
    pthread_t engine;
    bool is_running, must_stop;
    uint64_t left; /* frames until the consumer's own limit */
    uint64_t delivered, underruns, started;
};

enum { TRIGGER_FRAME, TRIGGER_LINE, TRIGGER_BURST, TRIGGER_COUNT };
enum { SOURCE_SOFTWARE, SOURCE_LINE0, SOURCE_LINE1, SOURCE_ENCODER0 };
/* Steps of the encoder that give a pulse: those beyond the furthest position, or all of a direction. */
enum {
    OUTPUT_OFF,
    OUTPUT_POSITION_UP,
    OUTPUT_POSITION_DOWN,
    OUTPUT_DIRECTION_UP,
    OUTPUT_DIRECTION_DOWN,
    OUTPUT_MOTION
};

struct camera {
    unsigned index;
    struct module device, remote;
    struct stream stream;
    struct camera_control *control;
    struct conveyor *conveyor;
    unsigned char registers[REGISTER_BYTES];
    uint32_t losses;  /* control->losses when it was opened */
    uint32_t powered_losses; /* control->losses when its registers were set */
    int lock_file;    /* holds the lock that says "open"; -1 */
    pthread_t heartbeat;
    bool is_open, is_closing, must_end;
    /* Acquisition, guarded by the lock. */
    bool is_acquiring;
    uint64_t software_triggers; /* executed and not handled */
    uint64_t frame_id;          /* of the last frame */
    uint64_t taken;             /* frames since AcquisitionStart */
    uint64_t frames_left;       /* until the acquisition mode ends it */
    uint64_t seen_edges;        /* part sensor edges handled */
    int64_t busy_until_ns, next_frame_ns;
    uint64_t counter_base[2], frame_starts;
    /* Lines taken by the encoder: its way forwards, whatever its counter says. */
    int64_t scan_raw, scan_position, scan_start, scan_ns;
    uint64_t scan_trigger, scan_edges;
    bool is_scanning;
    const unsigned char *pictures;
    size_t picture_bytes;
};

struct sim {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* anything: all wait here, few enough to wake all */
    pthread_cond_t ended;   /* heartbeats wait here */
    bool is_initialized;
    struct module system, interface;
    struct camera cameras[MAX_CAMERAS];
    struct control *control;
    bool is_shared; /* control is a mapped file */
    bool is_listed[MAX_CAMERAS]; /* found by the last IFUpdateDeviceList */
};

extern struct sim sim;

/* ---- handles.c ---- */
void *handle_new(enum kind kind, void *object);
void handle_drop(void *handle);
void *handle_get(void *handle, enum kind kind);
struct module *handle_module(void *handle);
void handles_drop_all(void);

/* ---- answer.c: all GetInfo functions speak through these ---- */
struct answer {
    int32_t *type;
    void *data;
    size_t *size;
};
int32_t fail(int32_t error, const char *why);
int32_t answer_bytes(struct answer answer, int32_t type, const void *data, size_t size);
int32_t answer_text(struct answer answer, const char *text);
int32_t answer_int(struct answer answer, int32_t value);
int32_t answer_u32(struct answer answer, uint32_t value);
int32_t answer_u64(struct answer answer, uint64_t value);
int32_t answer_size(struct answer answer, size_t value);
int32_t answer_bool(struct answer answer, bool value);
int32_t answer_pointer(struct answer answer, const void *value);
int32_t enter(void);                 /* takes the lock; fails when the library is not initialized */
int32_t leave(int32_t error);        /* gives the lock back and passes the error on */

/* ---- clock.c ---- */
int64_t now_ns(void);
void sleep_until(int64_t when_ns);
void wait_changed(int64_t until_ns); /* gives the lock back meanwhile */
uint64_t camera_ns(const struct camera *camera, int64_t monotonic_ns);

/* ---- control.c ---- */
void control_open(void);
void control_close(void);
bool fault_applies(struct camera *camera, enum fault fault);
bool fault_holds(const struct camera *camera, enum fault fault);
int32_t fault_value(const struct camera *camera, enum fault fault, int32_t otherwise);

/* ---- conveyor.c ---- */
uint64_t conveyor_edges(const struct conveyor *conveyor, int64_t when_ns);
int64_t conveyor_edge_ns(const struct conveyor *conveyor, uint64_t edge, int64_t now);
int64_t conveyor_next_edge_ns(const struct conveyor *conveyor, int64_t now);
double conveyor_mm(const struct conveyor *conveyor, int64_t when_ns);
int64_t encoder_raw(const struct camera *camera, int64_t when_ns);
int64_t encoder_counts(const struct camera *camera, int64_t when_ns);
void encoder_reset(struct camera *camera);
uint64_t trigger_number(const struct camera *camera, uint64_t edges);

/* ---- access.c ---- */
bool camera_reachable(const struct camera *camera);
bool camera_alive(const struct camera *camera);
int32_t access_take(struct camera *camera);
void access_release(struct camera *camera);
int32_t access_status(struct camera *camera);

/* ---- device.c, interface.c, stream.c ---- */
const char *tl_type_name(void);
int32_t device_info(struct camera *camera, int32_t command, struct answer answer);
void camera_id(const struct camera *camera, char id[16]);
void device_close(struct camera *camera);
void stream_close(struct stream *stream);
void system_close(void);
void module_close(struct module *module);
void queue_push(struct buffer_queue *queue, struct buffer *buffer, enum buffer_state state);
struct buffer *queue_pop(struct buffer_queue *queue);

/* ---- registers.c ---- */
void registers_power_up(struct camera *camera);
int32_t register_read(struct camera *camera, uint64_t address, void *data, size_t size);
int32_t register_write(struct camera *camera, uint64_t address, const void *data, size_t size);
uint32_t reg_u32(const struct camera *camera, unsigned address);
double reg_f64(const struct camera *camera, unsigned address);
void set_u32(struct camera *camera, unsigned address, uint32_t value);
void set_u64(struct camera *camera, unsigned address, uint64_t value);
void set_f64(struct camera *camera, unsigned address, double value);

/* ---- events.c ---- */
void events_drop(struct module *module);
void event_fire(struct module *module, enum event_type type, struct event_message message);

/* ---- engine.c ---- */
int32_t acquisition_start(struct camera *camera);
void acquisition_stop(struct camera *camera);
int32_t engine_start(struct stream *stream);
void engine_stop(struct stream *stream);

/* ---- triggers.c: each does what is due and returns when to look again ---- */
int64_t run_freely(struct camera *camera);
int64_t run_triggered(struct camera *camera, unsigned selector);
int64_t run_scanning(struct camera *camera, bool is_framed);
void pass_edges(struct camera *camera);
bool is_taking(const struct camera *camera);
bool is_on(const struct camera *camera, unsigned selector);

/* ---- frame.c ---- */
/* What is known of one frame when it was exposed. */
struct exposure {
    uint64_t trigger; /* number of its trigger, from 1; for free run the number of the frame */
    uint64_t edges;   /* part sensor edges until then */
    int64_t when_ns;  /* monotonic start of exposure */
    int64_t encoder;  /* counts at that moment */
};
void frame_take(struct camera *camera, struct exposure exposure);
size_t payload_bytes(const struct camera *camera);
size_t row_bytes(const struct camera *camera);

/* ---- picture.c ---- */
/* One picture to be drawn, a copy of all that matters, so that it can be drawn without the lock. */
struct drawing {
    unsigned char *out;
    size_t out_bytes;
    size_t width, rows, row_bytes, padding;
    uint32_t pixel_format;
    uint64_t frame_id, trigger;
    unsigned camera;
    bool stamped;
    const unsigned char *pictures;
    size_t picture_bytes, frame_bytes;
};
void picture_draw(const struct drawing *drawing);

/* ---- chunks.c ---- */
size_t chunk_room(const struct camera *camera);
void chunks_write(struct camera *camera, struct buffer *buffer, struct exposure exposure);

#endif
