"""`skyfix simulate-fleet`: vehicles with bad GPS and a camera, in a city that no model was trained on."""

from __future__ import annotations

import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Literal

import click
from rich.console import Console

from models.bundle import default_bundle_path, open_model_bundle
from models.errors import UsageError
from service.sizes import available_cores


@click.command("simulate-fleet")
@click.option("--city", "seed", type=click.IntRange(0), default=5201, show_default=True, help="Seed of the city.")
@click.option("--extent", type=click.FloatRange(400, 3000), default=1000.0, show_default=True, help="Its side, metres.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the report.")
@click.option("--work", type=click.Path(path_type=Path), help="Folder for city, index and photos; OUT/work by default.")
@click.option("--url", "urls", multiple=True, help="Service that has the city's index; several are asked by turns.")
@click.option("--serve", "serves", is_flag=True, help="Index the city and run the service too.")
@click.option("--replicas", type=click.IntRange(1, 8), default=1, show_default=True, help="Of the service that runs.")
@click.option("--foreign", type=click.IntRange(0), help="Serve the index of this other city: no photo matches.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Model bundle folder; the committed one by default.")
@click.option("--use", type=click.Choice(["correct", "track", "localize"]), default="correct", show_default=True)
@click.option("--vehicles", type=click.IntRange(1, 1000), default=10, show_default=True)
@click.option("--minutes", type=click.FloatRange(0.5, 240), default=10.0, show_default=True, help="Of driving.")
@click.option(
    "--step", "step_s", type=click.FloatRange(0.1, 60), default=1.0, show_default=True, help="Between fixes, s."
)
@click.option("--photo-every", type=click.FloatRange(0.1, 3600), default=20.0, show_default=True, help="Seconds.")
@click.option("--fov", type=click.FloatRange(20, 360), default=360.0, show_default=True, help="Degrees; over 120: 360.")
@click.option(
    "--sigma", type=click.FloatRange(1, 100), default=20.0, show_default=True, help="Of the GPS, metres an axis."
)
@click.option(
    "--tau", type=(float, float), default=(20.0, 60.0), show_default=True, help="Its memory, seconds, from to."
)
@click.option(
    "--optimistic", type=click.FloatRange(0.05, 1), default=1.0, show_default=True, help="Accuracy stated / true."
)
@click.option(
    "--outages", type=click.FloatRange(0, 600), default=6.0, show_default=True, help="Per hour, 5 to 20 s each."
)
@click.option("--spoof", type=click.Choice(["jump", "drift"]), help="Half of the vehicles are led astray.")
@click.option(
    "--spoof-by", type=click.FloatRange(0.1, 10_000), default=100.0, show_default=True, help="Metres, or m/s."
)
@click.option("--spoof-after", type=click.FloatRange(0), default=120.0, show_default=True, help="Seconds.")
@click.option("--fixes-per-call", type=click.IntRange(1, 1000), default=1000, show_default=True)
@click.option("--photos-only", is_flag=True, help="Send only the fixes that come with a photo.")
@click.option(
    "--alarm-rate", type=click.FloatRange(0, 0.5, min_open=True), help="False alarms a fix; the service's own."
)
@click.option(
    "--heading/--no-heading", "tell_heading", default=True, show_default=True, help="Course tells the camera's heading."
)
@click.option(
    "--pace", type=click.FloatRange(0, 1000), default=0.0, show_default=True, help="Of /track: 1 is real time."
)
@click.option("--no-baseline", is_flag=True, help="Do not send the drives once more without photos.")
@click.option(
    "--seed", "fleet_seed", type=click.IntRange(0), default=1, show_default=True, help="Of drives and errors."
)
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that render; one a core.")
def command(
    seed: int,
    extent: float,
    out: Path,
    work: Path | None,
    urls: tuple[str, ...],
    serves: bool,
    replicas: int,
    foreign: int | None,
    bundle: Path | None,
    use: Literal["correct", "track", "localize"],
    vehicles: int,
    minutes: float,
    step_s: float,
    photo_every: float,
    fov: float,
    sigma: float,
    tau: tuple[float, float],
    optimistic: float,
    outages: float,
    spoof: Literal["jump", "drift"] | None,
    spoof_by: float,
    spoof_after: float,
    fixes_per_call: int,
    photos_only: bool,
    alarm_rate: float | None,
    tell_heading: bool,
    pace: float,
    no_baseline: bool,
    fleet_seed: int,
    workers: int | None,
) -> None:
    """Drive vehicles through a sample city, have a service correct their GPS, and report what that is worth."""
    if serves == bool(urls):
        raise UsageError("Give either --serve, to have the service run here, or --url of one that runs.")
    if not 0 < tau[0] <= tau[1]:
        raise UsageError(f"--tau takes two times that rise from above 0, not {tau[0]:g} and {tau[1]:g}.")
    from service.simulation.correcting import Question
    from service.simulation.drives import Plan  # numba, which only this command needs
    from service.simulation.gnss import Receiver, Spoof
    from service.simulation.run import Run, simulate

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(highlight=False)
    receiver = Receiver(sigma_m=sigma, tau_s=tau, stated=optimistic, outages_per_hour=outages)
    plan = Plan(
        vehicles=vehicles,
        duration_s=60.0 * minutes,
        step_s=step_s,
        photo_every_s=photo_every,
        seed=fleet_seed,
        receiver=receiver,
        spoof=None if spoof is None else Spoof(spoof, spoof_by, spoof_after),
    )
    options: dict[str, object] = {} if alarm_rate is None else {"false_alarm_rate": alarm_rate}
    options |= {"camera": {"yaw_deg": 0}} if tell_heading else {}
    run = Run(
        seed=seed,
        out=out,
        work=work or out / "work",
        model=open_model_bundle(bundle or default_bundle_path()),
        extent_m=extent,
        plan=plan,
        fov_deg=fov,
        use=use,
        question=Question(fixes_per_call, options=options),
        photos_only=photos_only,
        baseline=not no_baseline,
        alarm_rate=alarm_rate,
        urls=urls,
        replicas=replicas,
        foreign=foreign,
        pace=pace,
        workers=workers or available_cores(),
        command=shlex.join(["skyfix", *sys.argv[1:]]),
    )
    started = time.monotonic()
    _, page = simulate(
        run, lambda words: console.print(f"{time.monotonic() - started:6.1f} s  {words}", soft_wrap=True)
    )
    console.print(f"[bold]{page}[/bold] and figures.json beside it.", soft_wrap=True)
