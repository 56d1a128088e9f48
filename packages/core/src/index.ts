// The chat domain, and the only door to it: use cases, events and the ports they need. Knows no protocol, socket or SQL.
export {};
