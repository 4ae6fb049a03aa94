// The line to the console: one socket for all runs of the page. It comes back by itself and
// resumes each run after the last event that arrived.

const STEPS = [500, 1000, 2000, 4000, 8000, 15000];
const PING = 25000;
const SIGNED_OUT = 4401, FORBIDDEN = 4403;

// connect({url, probe, follow, onEvent, onState}) → {send, close, retry, isOpen}
//   follow()        the runs to resume: [{run, after}]
//   probe()         "signed_out", "forbidden" or "" when the socket would not even open
//   onState(state)  "open", "lost", "signed_out", "forbidden"
export const connect = ({ url, probe, follow, onEvent, onState }) => {
  let socket = null, attempt = 0, timer = null, ping = null, closed = false;
  const waiting = [];

  const schedule = () => {
    clearTimeout(timer);
    const pause = STEPS[Math.min(attempt, STEPS.length - 1)] * (0.75 + Math.random() / 2);
    attempt += 1;
    timer = setTimeout(open, pause);
  };

  const opened = () => {
    attempt = 0;
    for (const { run, after } of follow()) socket.send(JSON.stringify({ type: "run.resume", run, after }));
    for (const text of waiting.splice(0)) socket.send(text);
    ping = setInterval(() => { if (socket.readyState === WebSocket.OPEN) socket.send('{"type":"ping"}'); }, PING);
    onState("open");
  };

  const lost = async (event, wasOpen) => {
    clearInterval(ping);
    if (closed) return;
    let reason = { [SIGNED_OUT]: "signed_out", [FORBIDDEN]: "forbidden" }[event.code] || "";
    if (!reason && !wasOpen) reason = await probe().catch(() => "");
    onState(reason || "lost");
    if (!reason) schedule();
  };

  const open = () => {
    clearTimeout(timer);
    if (closed || (socket && socket.readyState <= WebSocket.OPEN)) return;
    let wasOpen = false;
    socket = new WebSocket(url);
    socket.addEventListener("open", () => { wasOpen = true; opened(); });
    socket.addEventListener("message", (message) => onEvent(JSON.parse(message.data)));
    socket.addEventListener("close", (event) => lost(event, wasOpen));
  };

  const send = (message, { keep = true } = {}) => {
    const text = JSON.stringify(message);
    if (socket?.readyState === WebSocket.OPEN) { socket.send(text); return true; }
    if (keep) waiting.push(text);
    open();
    return keep;
  };

  open();
  return {
    send,
    // An open line is asked whether it still serves: its "pong" is the answer.
    retry: () => { attempt = 0; if (socket?.readyState === WebSocket.OPEN) socket.send('{"type":"ping"}'); else open(); },
    get isOpen() { return socket?.readyState === WebSocket.OPEN; },
    close: () => { closed = true; clearTimeout(timer); socket?.close(); },
  };
};
