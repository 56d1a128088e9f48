// What the protocol adapters share, and the only door to it. Knows no protocol.
export {};
