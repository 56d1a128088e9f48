// Development only: what tests of other packages need from this one.
export {};
