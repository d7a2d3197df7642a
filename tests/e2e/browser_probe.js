// Put into every page of the browser tests before its own scripts. It only looks: how loud the
// microphone and the assistant are, in milliseconds of performance.now(), and what the content
// security policy refused.
window.__probe = { samples: [], openedAt: null, refused: [] };

document.addEventListener("securitypolicyviolation", (event) => {
  window.__probe.refused.push(`${event.effectiveDirective} ${event.blockedURI}`);
});

{
  /** 256 samples at 48 kHz: 5 ms, as fine as the sampling below. */
  const WINDOW = 256;
  const EVERY_MS = 5;

  const watch = (stream) => {
    const context = new AudioContext({ sampleRate: 48_000 });
    const analyser = new AnalyserNode(context, { fftSize: WINDOW });
    context.createMediaStreamSource(stream).connect(analyser);
    const heard = new Float32Array(WINDOW);
    setInterval(() => {
      analyser.getFloatTimeDomainData(heard);
      const you = Math.sqrt(heard.reduce((sum, sample) => sum + sample * sample, 0) / WINDOW);
      window.__probe.samples.push([performance.now(), you, window.__appliance.outputLevel()]);
    }, EVERY_MS);
  };

  const devices = navigator.mediaDevices;
  const ask = devices?.getUserMedia.bind(devices);
  if (ask) {
    devices.getUserMedia = async (wishes) => {
      const stream = await ask(wishes);
      window.__probe.openedAt ??= performance.now();
      watch(stream);
      return stream;
    };
  }
}
