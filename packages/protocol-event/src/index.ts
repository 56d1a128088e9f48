// The Event wire: JSON frames over raw WebSocket.
export {};
