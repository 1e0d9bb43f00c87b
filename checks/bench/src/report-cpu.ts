// Each server imports this file before its own code. The file sends the CPU time of the main thread to the load process.
process.on('message', (question) => {
  if (question === 'cpu') process.send!(process.threadCpuUsage())
})
// If the load process dies, the server ends after some seconds, so that it can close its store.
process.on('disconnect', () => setTimeout(() => process.exit(1), 5000).unref())
