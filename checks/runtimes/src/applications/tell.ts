/** Says where an application listens, in the form that workerd has for it. */
export function tell(socket: string, port: number): void {
  console.log(JSON.stringify({ event: 'listen', socket, port }))
}
