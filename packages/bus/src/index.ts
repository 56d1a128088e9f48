// The EventBus and PresenceStore ports, in memory and on Redis.
export {};
