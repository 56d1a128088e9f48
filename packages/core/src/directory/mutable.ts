/** What the caches own they change in place; everybody else sees the readonly face. */
export type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
