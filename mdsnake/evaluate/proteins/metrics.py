"""Every metric of models of backbones: its unit, its ideal, what its n counts and what it means."""

from mdsnake.evaluate.metrics import Mark, Metric

#: Sets of chains beside the samples of models.
HELD_OUT, TRAINING, MIRRORED, WALKS = "held-out natives", "training natives", "mirror images", "random walks"
CONTROLS = (HELD_OUT, TRAINING, MIRRORED, WALKS)
GEOMETRY = (
    "bonds_in_band", "angles_in_band", "worst_in_band", "trans_share", "phi_positive", "clashes_per_100", "rg_ratio",
    "helix", "strand",
)  # fmt: skip
#: Which chains a number is of; that a chain is new means something only where it could be a protein.
ALL, VALID = "all", "valid"
#: Of 58 domains, for 100 residues: what is allowed where the natives at hand have fewer.
CLASHES_PER_100 = 0.09


def at_least(low: float) -> Mark:
    return Mark(f"≥ {low:g}", lambda value, floor: value >= low)


def at_most(high: float) -> Mark:
    return Mark(f"≤ {high:g}", lambda value, floor: value <= high)


METRICS: dict[str, Metric] = {
    "valid_fraction": Metric("1", 1, "chains", "valid", "share of chains that pass every check"),
    "bonds_in_band": Metric(
        "1", 1, "chains", "bonds in band",
        "share of N–CA, CA–C, C–N and CA–CA distances between the 1st and 99th percentile of real domains",
    ),
    "angles_in_band": Metric("1", 1, "chains", "angles in band", "the same of the angles N–CA–C, CA–C–N and C–N–CA"),
    "worst_in_band": Metric(
        "1", 1, "chains", "worst kind in band",
        "the same of the worst of these seven kinds of a chain; the mark is on it, as N–CA, CA–C and N–CA–C are "
        "constants to a model of frames, so that noise has half of its bonds in band",
        at_least(0.8),
    ),
    "trans_share": Metric("1", 1, "chains", "trans", "share of peptide bonds whose ω is beyond 150°"),
    "phi_positive": Metric(
        "1", None, "chains", "φ > 0", "share of residues with φ > 0: few in proteins, most in mirror images",
        at_most(0.12),
    ),
    "clashes_per_100": Metric(
        "1", 0, "chains", "clashes", "CA within 3.6 Å, three or more residues along the chain, by 100 residues",
        Mark("≤ 2 × natives", lambda value, floor: value <= 2 * max(floor, CLASHES_PER_100)),
    ),
    "rg_ratio": Metric("1", 1.05, "chains", "Rg ratio", "radius of gyration over 2.2 N^0.38 Å"),
    "helix": Metric("1", None, "chains", "helix", "share of residues in helices, by DSSP"),
    "strand": Metric("1", None, "chains", "strand", "share of residues in strands, by DSSP"),
    "nearest_training_tm": Metric(
        "1", None, "chains", "nearest training TM",
        "TM-score, by the length of the chain, to the training protein that is most like it; higher than that of "
        "held-out natives means learned by heart, and random walks look new",
    ),
    "pairwise_tm": Metric(
        "1", None, "pairs", "pairwise TM", "mean TM-score of two chains of the set; the lower the more diverse",
    ),
    "nearest_training_rmsd": Metric(
        "Å", None, "chains", "nearest training RMSD",
        "median RMSD of N, CA and C to the nearest stretch of as many residues of a training protein",
    ),
    "covered": Metric(
        "1", 1, "training proteins", "proteins found",
        "share of the training proteins that are the one nearest to some sample, and no further than 1 Å RMSD; what "
        "samples one protein alone is low in it",
    ),
    "one_step_error": Metric(
        "1", 0, "draws of noise", "one-step error, literal",
        "root mean square error of one denoising step after a tenth of all steps of noise, by coordinate, in units of "
        "7.16 Å: what the source calls RMSD",
    ),
    "one_step_rmsd": Metric(
        "Å", 0, "draws of noise", "one-step RMSD",
        "RMSD, superposed, of one denoising step from a tenth of all steps of noise",
    ),
    "loss_end": Metric(
        "1", 0, "validations", "loss, last 10 %",
        "mean of the training loss over the last tenth of the steps, its least value being luck",
    ),
    "loss_end_spread": Metric("1", 0, "validations", "its spread", "standard deviation of the same"),
    "noise_end": Metric(
        "1", 0, "validations", "noise loss, last 10 %",
        "the same of the mean squared error of the noise; a fifth of the windows have a motif, and half of the batches "
        "a first answer, which makes it less than that of the source",
    ),
    "noise_end_spread": Metric("1", 0, "validations", "its spread", "standard deviation of the same"),
    "noise_mean": Metric(
        "1", 0, "draws of noise", "noise loss",
        "what the source minimises, of the trained model: mean squared error of the noise of N, CA and C, over even "
        "shares of all steps, without motif and first answer; frames have noise of another kind, and no such number",
        at_most(0.033),
    ),
    "noise_mean_spread": Metric(
        "1", 0, "draws of noise", "its spread", "standard deviation of the same over chains and draws of noise",
    ),
    "loss_by_t": Metric(
        "1", 0, "draws of noise", "loss",
        "mean of the objective over a tenth of the steps of noise, without motif and first answer; losses of the two "
        "kinds of model do not compare",
    ),
    "loss_by_t_spread": Metric(
        "1", 0, "draws of noise", "its spread", "standard deviation of the same over chains and draws of noise",
    ),
    "seconds_per_chain": Metric("s", None, "chains", "s per chain", "time to sample a chain, within a batch"),
}  # fmt: skip
#: Marks of the target `memorise`, in which a few proteins are to be learned by heart.
MEMORISED: dict[str, Mark] = {
    "one_step_error": at_most(0.025),
    "one_step_rmsd": at_most(0.1),
    "nearest_training_rmsd": at_most(0.5),
}
