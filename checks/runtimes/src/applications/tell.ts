/** Prints the port of an application, in the form of workerd. */
export function tell(socket: string, port: number): void {
  console.log(JSON.stringify({ event: 'listen', socket, port }))
}
