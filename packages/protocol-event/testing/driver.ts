// A client on the real client library, for the contract suite.
export {};
