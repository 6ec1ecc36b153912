/* Handles: numbers with a generation, looked up and never followed, so that a stale or foreign one cannot crash. */
#include "sim.h"

#define SLOTS 4096 /* 4 cameras with all their buffers and events, and room to spare */
#define SLOT_BITS 12
#define MARK ((uintptr_t)0xE1u << 56) /* looks like no address and no small number */

/* A slot's generation rises with each use; a handle is (mark, generation, slot). */
static struct slot {
    void *handle; /* given last */
    uint32_t generation;
    enum kind kind;
    void *object;
} slots[SLOTS];
static unsigned next_slot;

static struct slot *find(void *handle) {
    struct slot *slot = &slots[(uintptr_t)handle & (SLOTS - 1)];
    return slot->kind != KIND_NONE && handle == slot->handle ? slot : NULL;
}

/* Returns a new handle; NULL when all slots are taken. */
void *handle_new(enum kind kind, void *object) {
    for (unsigned tried = 0; tried < SLOTS; tried++) {
        unsigned index = next_slot;
        struct slot *slot = &slots[index];
        next_slot = (next_slot + 1) % SLOTS;
        if (slot->kind != KIND_NONE)
            continue;
        slot->generation++;
        slot->handle = (void *)(MARK | (uintptr_t)slot->generation << SLOT_BITS | index);
        slot->kind = kind;
        slot->object = object;
        return slot->handle;
    }
    return NULL;
}

void handle_drop(void *handle) {
    struct slot *slot = find(handle);
    if (slot) {
        slot->kind = KIND_NONE;
        slot->object = NULL;
    }
}

/* Returns the object of a live handle of that kind; NULL for any other value. */
void *handle_get(void *handle, enum kind kind) {
    struct slot *slot = find(handle);
    return slot && slot->kind == kind ? slot->object : NULL;
}

/* Returns the module of a handle of any module; NULL for events, buffers and anything else. */
struct module *handle_module(void *handle) {
    struct slot *slot = find(handle);
    bool is_module = slot && slot->kind != KIND_EVENT && slot->kind != KIND_BUFFER;
    return is_module ? slot->object : NULL;
}

/* The generations stay, so that a handle from before GCCloseLib is stale after the next GCInitLib. */
void handles_drop_all(void) {
    for (unsigned i = 0; i < SLOTS; i++) {
        slots[i].kind = KIND_NONE;
        slots[i].object = NULL;
    }
}
