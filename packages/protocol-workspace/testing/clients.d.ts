/** Clients 2 of socket.io come without types: what is used of them. */
declare module 'socket.io-client-2.3' {
  import io from 'socket.io-client-2.4';

  export = io;
}
declare module 'socket.io-client-2.4' {
  interface Socket {
    readonly id: string;
    readonly connected: boolean;
    readonly io: { readonly engine: { readonly transport: { readonly name: string }; close(): void } | undefined };
    onevent(packet: { readonly data: readonly unknown[] }): void;
    on(event: string, listener: (...args: never[]) => void): this;
    once(event: string, listener: (...args: never[]) => void): this;
    emit(event: string, ...args: unknown[]): this;
    connect(): this;
    disconnect(): this;
  }
  function io(url: string, options: object): Socket;
  export = io;
}
