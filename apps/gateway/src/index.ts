// The process: configuration, wiring, HTTP host, admin API, demo world.
export {};
