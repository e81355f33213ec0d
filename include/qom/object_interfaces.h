/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects that users make with -object and object-add: the "user-creatable" interface, and the
 * commands on them. They live in /objects under their id. Big lock.
 */
#ifndef QOM_OBJECT_INTERFACES_H
#define QOM_OBJECT_INTERFACES_H

#include "qom/object.h"

#define TYPE_USER_CREATABLE "user-creatable"
typedef struct UserCreatable UserCreatable;
typedef struct UserCreatableClass UserCreatableClass;
DECLARE_CLASS_CHECKERS(UserCreatableClass, USER_CREATABLE, TYPE_USER_CREATABLE)
#define USER_CREATABLE(obj) INTERFACE_CHECK(UserCreatable, (obj), TYPE_USER_CREATABLE)

struct UserCreatableClass {
    InterfaceClass parent_class;

    /* All properties are set: check them and make the object usable. NULL: nothing to do. */
    void (*complete)(UserCreatable *uc, Error **errp);
    /* May object-del take it away? NULL: yes. */
    bool (*can_be_deleted)(UserCreatable *uc);
};

bool user_creatable_complete(UserCreatable *uc, Error **errp);
bool user_creatable_can_be_deleted(UserCreatable *uc);

/*
 * @props: "qom-type", "id", then properties; borrowed. @keyval: leaves are strings to be parsed.
 * False with @errp, and nothing left of the object.
 */
bool user_creatable_add_json(json_t *props, bool keyval, Error **errp);
/* The same with the members apart; the result is referenced by /objects only. */
Object *user_creatable_add_type(const char *type, const char *id, json_t *props, bool keyval,
                                Error **errp);
bool user_creatable_del(const char *id, Error **errp);
/* -object help (@type NULL), -object @type,help: by qemu_printf(); false: no such type. */
bool user_creatable_print_help(const char *type);
/* The properties of @type with defaults, by qemu_printf(), but those in @skip (ends with NULL). */
void object_print_property_help(const char *type, const char *const *skip);
/* At exit: all of /objects, so that what an object does when it goes is done. */
void user_creatable_cleanup(void);

#endif /* QOM_OBJECT_INTERFACES_H */
