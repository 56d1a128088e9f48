// Load generator, reference server and budgets.
export {};
