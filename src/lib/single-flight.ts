/** Callers that ask for the same key while its work runs share that work and its outcome, errors included. */
export const singleFlight = <Value>() => {
  const flights = new Map<string, Promise<Value>>()
  return (key: string, work: () => Promise<Value>): Promise<Value> => {
    const running = flights.get(key)
    if (running) return running
    const flight = work().finally(() => flights.delete(key))
    flights.set(key, flight)
    return flight
  }
}
