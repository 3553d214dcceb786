// Talks to the REST interface with the reader's cookie.
import { t } from "./messages.js";

/** An answer other than success: `code` and `message` come from the JSON error shape. */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The JSON answer to a GET. Throws ApiError. */
export async function getJson(path, options = {}) {
  const response = await request(path, options);
  return response.json();
}

/** The HTML answer to a GET of a page fragment. Throws ApiError. */
export async function getFragment(path, options = {}) {
  const response = await request(path, { ...options, headers: { Accept: "text/html" } });
  return response.text();
}

/** The JSON answer to a POST of JSON. Throws ApiError. */
export async function postJson(path, body) {
  const headers = { "Content-Type": "application/json", "X-Requested-With": "tingjian" };
  const response = await request(path, { method: "POST", headers, body: JSON.stringify(body) });
  return response.json();
}

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, { redirect: "manual", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "network", t("js.error.network"));
  }
  if (response.type === "opaqueredirect") throw new ApiError(401, "unauthenticated", t("js.error.signed_out"));
  if (!response.ok) throw await errorOf(response);
  return response;
}

/** What an answer other than success says. */
export async function errorOf(response) {
  // The interface's own words for this speak of keys, which is of no use in a page.
  if (response.status === 401) return new ApiError(401, "unauthenticated", t("js.error.signed_out"));
  const body = await response.json().catch(() => null);
  const error = body?.error;
  return new ApiError(response.status, error?.code ?? "unknown", error?.message ?? `HTTP ${response.status}`);
}

/**
 * POST a form and report how much was sent. Resolves with the JSON answer.
 * XMLHttpRequest, because fetch tells nothing about upload progress.
 */
export function postForm(path, form, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("X-Requested-With", "tingjian");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("error", () => reject(new ApiError(0, "network", t("js.upload.network"))));
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) return resolve(request.response);
      const error = request.response?.error;
      reject(new ApiError(request.status, error?.code ?? "unknown", error?.message ?? `HTTP ${request.status}`));
    });
    request.send(form);
  });
}
