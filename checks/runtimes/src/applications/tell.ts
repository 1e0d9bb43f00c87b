/** Prints the port of an application in the format of workerd. */
export function tell(socket: string, port: number): void {
  console.log(JSON.stringify({ event: 'listen', socket, port }))
}
