/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the object model's files ask of each other: types (object-type.c) of properties
 * (object-property.c); nobody else includes it.
 */
#ifndef QOM_OBJECT_INTERNAL_H
#define QOM_OBJECT_INTERNAL_H

#include "qom/object.h"

/* Gives a new object what its classes' properties say it starts with. */
void object_property_init_all(Object *obj);
/*
 * Releases every property of an object that nobody references any more, its own and its classes';
 * children go with it.
 */
void object_property_del_all(Object *obj);

#endif /* QOM_OBJECT_INTERNAL_H */
