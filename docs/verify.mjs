// Verifies an X-Plugit-Context. Returns its claims, or throws "tampered", "expired" or "foreign".
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

const CLAIMS = "v iss aud iat exp jti m p q bd sub f rights org subs rd var shadow ip dl nonce".split(" ");
const hmac = (key, text) => createHmac("sha256", key).update(text).digest();
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const refuse = (why) => { throw new Error(why); };

function decode(text) {  // Buffer skips what it does not know; what is signed has one spelling.
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : refuse("tampered");
}

export function verify(token, serviceKeys, call, now = Date.now() / 1000) {
  const parts = token.split(".");
  if (token.length > 4096 || parts.length !== 2) refuse("tampered");
  const [payload, signature] = [parts[0], decode(parts[1])];
  const macs = serviceKeys.map((key) => hmac(hmac(decode(key), "context"), payload));
  if (!macs.some((mac) => mac.length === signature.length && timingSafeEqual(mac, signature))) refuse("tampered");
  let claims;
  try { claims = Object(JSON.parse(decode(payload))); } catch { refuse("tampered"); }
  const { iat, exp } = claims;
  if (claims.v !== 1 || !CLAIMS.every((name) => name in claims)) refuse("tampered");
  if (![iat, exp].every(Number.isFinite)) refuse("tampered");
  if (exp - iat > 60 || now < iat - 30 || now > exp + 30) refuse("expired");
  const actual = ["plugit-wsgi", call.audience, call.method, call.path, sha256(call.query), sha256(call.body)];
  if (["iss", "aud", "m", "p", "q", "bd"].some((name, index) => claims[name] !== actual[index])) refuse("foreign");
  return claims;
}
