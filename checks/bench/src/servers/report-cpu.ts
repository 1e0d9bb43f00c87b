// Sends the CPU time of the main thread to the process that sends the requests. Each server imports this file before
// its own code.
process.on('message', (question) => {
  if (question === 'cpu') process.send!(process.threadCpuUsage())
})
// If the other process ends, this server ends after at most five seconds, so that it can close its store.
process.on('disconnect', () => setTimeout(() => process.exit(1), 5000).unref())
