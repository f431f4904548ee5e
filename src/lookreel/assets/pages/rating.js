"use strict";
// The films lie in the page as data; nothing is sent anywhere. Answers stay in this browser until they are saved.
const page = JSON.parse(document.getElementById("page").textContent);
const films = JSON.parse(document.getElementById("films").textContent);
const byId = new Map(films.map((film) => [film.id, film]));
const KEY = `lookreel-rating-${page.id}`;
const $ = (id) => document.getElementById(id);
let state = { rater: "", order: [], answers: {}, at: 0 };

function remembered() {
  try { return JSON.parse(localStorage.getItem(KEY)); } catch { return null; }
}

function remember() {
  try { localStorage.setItem(KEY, JSON.stringify(state)); } catch { $("forgetful").hidden = false; }
}

// The order depends on the page and the rater's name alone: the same rater meets the same order again.
function generator(text) {
  let a = 2166136261;
  for (const letter of text) a = Math.imul(a ^ letter.codePointAt(0), 16777619);
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function shuffled(ids, random) {
  const order = [...ids];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

function complete(id) {
  return page.questions.every((question) => Number.isInteger((state.answers[id] || {})[question.id]));
}

function rated() {
  return state.order.filter(complete).length;
}

function show(part) {
  for (const id of ["welcome", "rating", "done"]) $(id).hidden = id !== part;
  window.scrollTo(0, 0);
}

function begin() {
  const rater = $("rater").value.trim();
  if (!rater) { $("rater").focus(); return; }
  const old = remembered();
  if (old && old.rater === rater) state = old;
  else state = { rater, order: shuffled(films.map((film) => film.id), generator(`${page.id}/${rater}`)), answers: {}, at: 0 };
  remember();
  step();
}

function step() {
  if (state.at >= state.order.length) { finish(); return; }
  const id = state.order[state.at], film = byId.get(id);
  show("rating");
  const video = $("film");
  if (video.dataset.id !== id) {
    video.dataset.id = id;
    video.src = `data:video/mp4;base64,${film.mp4}`;
    video.play().catch(() => {});
  }
  $("photos").replaceChildren(...film.photos.map((photo, number) => {
    const picture = document.createElement("img");
    picture.src = `data:image/jpeg;base64,${photo}`;
    picture.alt = `Photo ${number + 1} that the film was made from`;
    return picture;
  }));
  $("photos-told").hidden = film.photos.length === 0;
  for (const question of page.questions) {
    for (const input of document.getElementsByName(question.id)) {
      input.checked = (state.answers[id] || {})[question.id] === Number(input.value);
    }
  }
  refresh();
}

function refresh() {
  const id = state.order[state.at];
  $("next").disabled = !complete(id);
  $("back").disabled = state.at === 0;
  $("bar").max = state.order.length;
  $("bar").value = rated();
  $("where").textContent = `Film ${state.at + 1} of ${state.order.length}`;
}

function answer(event) {
  const id = state.order[state.at];
  state.answers[id] = { ...state.answers[id], [event.target.name]: Number(event.target.value) };
  remember();
  refresh();
}

function move(by) {
  state.at = Math.max(0, state.at + by);
  remember();
  step();
  $("where").focus();
}

function finish() {
  $("film").pause();
  show("done");
  $("count").textContent = `${rated()} of ${state.order.length} films are rated.`;
}

function save() {
  const answers = Object.fromEntries(state.order.filter(complete).map((id) => [id, state.answers[id]]));
  const record = { kind: "lookreel ratings", page: page.id, rater: state.rater, films: state.order.length, order: state.order, answers };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(record, null, 1)], { type: "application/json" }));
  link.download = `answers-${state.rater.replace(/[^\p{L}\p{N}_-]+/gu, "_")}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const old = remembered();
if (old && old.rater) {
  $("rater").value = old.rater;
  const count = old.order.filter((id) => page.questions.every((q) => Number.isInteger((old.answers[id] || {})[q.id]))).length;
  $("found").textContent = `Kept in this browser: ${count} of ${old.order.length} films rated by ${old.rater}. Begin to go on; another name begins anew and forgets them.`;
}
$("start").addEventListener("submit", (event) => { event.preventDefault(); begin(); });
for (const input of document.querySelectorAll(".scores input")) input.addEventListener("change", answer);
$("next").addEventListener("click", () => move(1));
$("back").addEventListener("click", () => move(-1));
$("again").addEventListener("click", () => { state.at = state.order.length - 1; move(0); });
for (const button of document.querySelectorAll(".save")) button.addEventListener("click", save);
